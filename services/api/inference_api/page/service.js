// The calls of the service, with the key if its user has given one.
const KEY = 'inference.key';
const PAUSE_MS = 1000;
const LATER = [429, 503];

export class Problem extends Error {
  constructor(detail, status = 0, pauseMs = 0) {
    super(detail);
    Object.assign(this, {status, pauseMs, isPassing: LATER.includes(status)});
  }
}

export const keepKey = (key) => sessionStorage.setItem(KEY, key);

function lose(error) {
  throw error.name === 'AbortError' ? error : new Problem('The service cannot be reached.', LATER[1]);
}

export async function call(url, options = {}) {
  const key = sessionStorage.getItem(KEY);
  const headers = {...options.headers, ...(key && {Authorization: `Bearer ${key}`})};
  const response = await fetch(url, {...options, headers}).catch(lose);
  if (response.ok) return response;
  const {detail} = await response.json().catch(() => ({}));
  throw new Problem(detail ?? response.statusText, response.status, 1000 * response.headers.get('Retry-After'));
}

export const read = async (url, options) => (await call(url, options)).json();

// Does the work until it is neither lost on its way nor refused for now.
export async function insist(work, signal) {
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (signal.aborted || !error.isPassing) throw error;
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
    lose(new Error('the stream has ended early'));
  }, signal);
}

// The browsers' own EventSource cannot send a key.
async function* events(response) {
  let text = '';
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  for (let part; !(part = await reader.read().catch(lose)).done;) {
    const parts = (text + part.value).split('\n\n');
    text = parts.pop();
    for (const data of parts.map((one) => one.match(/^data: (.*)$/m)).filter(Boolean)) yield JSON.parse(data[1]);
  }
}
