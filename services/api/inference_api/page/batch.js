// Many files: a job for each, a few at a time, with a table of their answers.
import {download, find, make} from './element.js';
import {seconds, summary} from './job.js';
import {insist, read, submit} from './service.js';

// A browser has six connections to one host; two stay free for the rest of the page.
const IN_FLIGHT = 4;
const WAIT_S = 20;
const quote = (text) => `"${String(text).replaceAll('"', '""')}"`;

export class Batch {
  constructor(spec, files) {
    this.spec = spec;
    this.stopping = new AbortController();
    this.rows = files.map((file) => ({file, id: '', status: 'waiting', answer: '', ms: 0, line: make('tr', '')}));
    this.rows.forEach((row) => this.show(row));
    find('results').querySelector('tbody').replaceChildren(...this.rows.map(({line}) => line));
    find('results').hidden = false;
    find('download').hidden = true;
  }

  async run(params) {
    const waiting = this.rows.values();
    const work = async () => { for (const row of waiting) await this.process(row, params); };
    await Promise.all(Array.from({length: IN_FLIGHT}, work));
    find('download').hidden = this.stopping.signal.aborted;
  }

  async process(row, params) {
    const started = performance.now();
    const {signal} = this.stopping;
    try {
      let state = await submit(this.spec.urls.submit, row.file, {...params, wait: WAIT_S}, signal);
      row.id = state.inference_id;
      const url = `${this.spec.urls.result.replace('{inference_id}', row.id)}?wait=${WAIT_S}`;
      while (state.status === 'pending') state = await insist(() => read(url, {signal}), signal);
      Object.assign(row, {status: state.status, answer: summary(state)});
    } catch (error) {
      Object.assign(row, {status: 'refused', answer: error.message});
    }
    row.ms = performance.now() - started;
    if (!signal.aborted) this.show(row);
  }

  show(row) {
    const texts = [row.file.name, row.status, row.answer, row.ms ? seconds(row.ms) : ''];
    row.line.replaceChildren(...texts.map((text) => make('td', '', text)));
    find('progress').textContent = `${this.rows.filter((one) => one.ms).length} of ${this.rows.length} done`;
  }

  save() {
    const lines = this.rows.map(({file, id, status, answer, ms}) => [file.name, id, status, answer, (ms / 1000).toFixed(3)]);
    const text = [['file', 'inference_id', 'status', 'answer', 'seconds'], ...lines].map((line) => line.map(quote).join(',')).join('\r\n');
    download(new Blob([text, '\r\n'], {type: 'text/csv'}), `${this.spec.name}.csv`);
  }
}
