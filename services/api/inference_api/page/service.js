// The calls of the service, with the key if its user has given one.
const KEY = 'inference.key';
const PAUSE_MS = 1000;

export class Problem extends Error {
  constructor(status, detail, pauseMs) {
    super(detail);
    this.status = status;
    this.pauseMs = pauseMs;
  }
}

export const keepKey = (key) => sessionStorage.setItem(KEY, key);

const pause = (ms, signal) => new Promise((resolve) => {
  const timer = setTimeout(resolve, ms);
  signal?.addEventListener('abort', () => { clearTimeout(timer); resolve(); });
});

export async function call(url, options = {}) {
  const key = sessionStorage.getItem(KEY);
  const headers = {...options.headers, ...(key ? {Authorization: `Bearer ${key}`} : {})};
  const response = await fetch(url, {...options, headers});
  if (response.ok) return response;
  const problem = await response.json().catch(() => ({}));
  const pauseMs = Number(response.headers.get('Retry-After')) * 1000;
  throw new Problem(response.status, problem.detail ?? response.statusText, pauseMs);
}

export const read = async (url, options) => (await call(url, options)).json();

// Calls until the service has room; a lost answer is asked for again with the same idempotency key, so no job is doubled.
export async function insist(url, options = {}) {
  for (;;) {
    try {
      return await read(url, options);
    } catch (error) {
      if (error instanceof Problem && ![429, 503].includes(error.status)) throw error;
      if (options.signal?.aborted) throw error;
      await pause(error.pauseMs || PAUSE_MS, options.signal);
    }
  }
}

export function submit(url, body, params, options = {}) {
  const query = new URLSearchParams(params);
  const headers = {'Content-Type': body.type || 'application/octet-stream', 'Idempotency-Key': makeKey()};
  return insist(query.size ? `${url}?${query}` : url, {...options, method: 'POST', body, headers});
}

// crypto.randomUUID is there on secure pages only.
const makeKey = () => Array.from(crypto.getRandomValues(new Uint8Array(16)), (one) => one.toString(16).padStart(2, '0')).join('');

// Calls onState with each state of a job, until it is final; a lost connection is made again.
export async function follow(url, onState, signal) {
  for (;;) {
    try {
      for await (const state of events(await call(url, {signal}))) {
        onState(state);
        if (state.status !== 'pending') return;
      }
    } catch (error) {
      if (signal.aborted || (error instanceof Problem && ![429, 503].includes(error.status))) throw error;
    }
    await pause(PAUSE_MS, signal);
  }
}

// Browsers' EventSource cannot send a key.
async function* events(response) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  for (let text = '';;) {
    const {value, done} = await reader.read();
    if (done) return;
    const parts = (text + value).split('\n\n');
    text = parts.pop();
    for (const part of parts) {
      const data = part.match(/^data: (.*)$/m);
      if (data) yield JSON.parse(data[1]);
    }
  }
}
