// Many files: a job for each, a few at a time, with a table of their answers.
import {insist, submit} from './service.js';
import {download, seconds, summary} from './job.js';

// A browser has six connections to one host; two stay free for the rest of the page.
const IN_FLIGHT = 4;
const WAIT_S = 20;
const find = (id) => document.getElementById(id);
const quote = (text) => `"${String(text).replaceAll('"', '""')}"`;

export class Batch {
  constructor(spec, files) {
    this.spec = spec;
    this.stopping = new AbortController();
    this.rows = files.map((file) => ({file, id: '', status: 'waiting', answer: '', ms: 0}));
    find('results').querySelector('tbody').replaceChildren(...this.rows.map(makeRow));
    find('results').hidden = false;
    find('download').hidden = true;
  }

  stop() {
    this.stopping.abort();
  }

  async run(params) {
    const waiting = this.rows.values();
    const work = async () => { for (const row of waiting) await this.process(row, params); };
    await Promise.all(Array.from({length: IN_FLIGHT}, work));
    if (!this.stopping.signal.aborted) find('download').hidden = false;
  }

  async process(row, params) {
    const started = performance.now();
    const {signal} = this.stopping;
    try {
      let state = await submit(this.spec.urls.submit, row.file, {...params, wait: WAIT_S}, {signal});
      row.id = state.inference_id;
      const url = `${this.spec.urls.result.replace('{inference_id}', row.id)}?wait=${WAIT_S}`;
      while (state.status === 'pending') state = await insist(url, {signal});
      Object.assign(row, {status: state.status, answer: summary(state), state});
    } catch (error) {
      Object.assign(row, {status: 'refused', answer: error.message});
    }
    row.ms = performance.now() - started;
    if (!signal.aborted) this.show(row);
  }

  show(row) {
    const cells = [row.status, row.answer, seconds(row.ms)];
    cells.forEach((text, number) => { row.cells[number + 1].textContent = text; });
    const done = this.rows.filter((one) => one.ms).length;
    find('progress').textContent = `${done} of ${this.rows.length} done`;
  }

  save() {
    const lines = this.rows.map(({file, id, status, answer, ms}) => [file.name, id, status, answer, (ms / 1000).toFixed(3)]);
    const text = [['file', 'inference_id', 'status', 'answer', 'seconds'], ...lines].map((line) => line.map(quote).join(',')).join('\r\n');
    download(new Blob([text, '\r\n'], {type: 'text/csv'}), `${this.spec.name}.csv`);
  }
}

function makeRow(row) {
  const line = document.createElement('tr');
  for (const text of [row.file.name, row.status, '', '']) line.insertCell().textContent = text;
  row.cells = line.cells;
  return line;
}
