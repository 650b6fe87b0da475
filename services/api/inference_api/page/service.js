// The calls of the service, with the key if its user has given one.
const KEY = 'inference.key';
const PAUSE_MS = 1000;
const LATER = [429, 503];

export class Problem extends Error {
  constructor(detail, status = 0, pauseMs = 0) {
    super(detail);
    Object.assign(this, {status, pauseMs, isFinal: !LATER.includes(status)});
  }
}

export const keepKey = (key) => sessionStorage.setItem(KEY, key);

export async function call(url, options = {}) {
  const key = sessionStorage.getItem(KEY);
  const headers = {...options.headers, ...(key && {Authorization: `Bearer ${key}`})};
  const response = await fetch(url, {...options, headers});
  if (response.ok) return response;
  const {detail} = await response.json().catch(() => ({}));
  throw new Problem(detail ?? response.statusText, response.status, 1000 * response.headers.get('Retry-After'));
}

export const read = async (url, options) => (await call(url, options)).json();

// Does the work until it neither fails on its way nor is refused for now.
export async function insist(work, signal) {
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (signal.aborted || error.isFinal) throw error;
      await new Promise((resolve) => setTimeout(resolve, error.pauseMs || PAUSE_MS));
    }
  }
}

// The idempotency key makes one job of all tries. crypto.randomUUID is there on secure pages only.
export function submit(url, body, params, signal) {
  const key = crypto.getRandomValues(new Uint32Array(4)).join('-');
  const headers = {'Content-Type': body.type || 'application/octet-stream', 'Idempotency-Key': key};
  const query = new URLSearchParams(params);
  return insist(() => read(query.size ? `${url}?${query}` : url, {method: 'POST', body, headers, signal}), signal);
}

// Calls onState with each state of a job until it is final; opens a stream that has ended before again.
export function follow(url, onState, signal) {
  return insist(async () => {
    for await (const state of events(await call(url, {signal}))) {
      onState(state);
      if (state.status !== 'pending') return;
    }
    throw new Problem('the stream has ended early', LATER[1]);
  }, signal);
}

// The browsers' own EventSource cannot send a key.
async function* events(response) {
  let text = '';
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    const parts = (text + part.value).split('\n\n');
    text = parts.pop();
    for (const data of parts.map((one) => one.match(/^data: (.*)$/m)).filter(Boolean)) yield JSON.parse(data[1]);
  }
}
