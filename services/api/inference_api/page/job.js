// One job: its answer, and its life on a time line.
import {download, draw, find, make} from './element.js';
import {call, follow, submit} from './service.js';

const MOST_BARS = 12;
const ENDS = {succeeded: 'Answered, in all', failed: 'Failed', canceled: 'Canceled before an answer'};
const percent = (share) => `${(100 * share).toFixed(1)} %`;
export const seconds = (ms) => ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;

// Returns an answer in few words.
export function summary({error, probabilities, predicted_class: best, output}) {
  if (probabilities) return `${best} (${percent(probabilities[best])})`;
  return error?.message ?? output?.href ?? JSON.stringify(output ?? '');
}

export class Job {
  constructor(spec) {
    this.spec = spec;
    this.stopping = new AbortController();
    this.steps = new Map();
    find('answer').replaceChildren();
    find('line').replaceChildren();
    for (const id of ['nothing', 'job', 'seen', 'cancel']) find(id).hidden = true;
  }

  async run(body, params) {
    const {signal} = this.stopping;
    this.started = performance.now();
    this.step('sent', 'Sending', {isNow: true});
    this.id = (await submit(this.spec.urls.submit, body, {...params, timeline: true}, signal)).inference_id;
    this.step('sent', 'Accepted: the job is stored');
    find('job').hidden = false;
    find('job').querySelector('code').textContent = this.id;
    if (this.spec.urls.preview) this.preview(body);
    await follow(this.urlOf('events'), (state) => this.show(state), signal);
  }

  urlOf(name) {
    return this.spec.urls[name].replace('{inference_id}', this.id);
  }

  async preview(body) {
    const file = await call(this.spec.urls.preview, {method: 'POST', body, signal: this.stopping.signal}).then((one) => one.blob(), () => null);
    if (!file || !await draw(file, find('seen').firstChild)) return;
    const {width, height} = this.spec.takes;
    find('seen').lastChild.textContent = `The model sees ${width} × ${height} pixels`;
    find('seen').hidden = this.stopping.signal.aborted;
  }

  show(state) {
    const isPending = state.status === 'pending';
    find('cancel').hidden = !(isPending && this.spec.urls.cancel);
    this.step('waiting', isPending ? this.waiting(state.queue) : 'Waited', {isNow: isPending});
    if (isPending) return;
    const {accepted_ms: accepted, received_ms: received, started_ms: started, finished_ms: finished, batch_size: size} = state.timeline ?? {};
    if (received) this.step('waiting', 'Waited in the queue', {ms: received - accepted});
    if (size) this.step('batch', `Ran in a batch of ${size}`, {ms: finished - started});
    this.step('done', ENDS[state.status] ?? state.status, {isBad: state.status !== 'succeeded'});
    find('answer').replaceChildren(...this.answer(state));
  }

  cancel() {
    return call(this.urlOf('cancel'), {method: 'POST'});
  }

  answer(state) {
    if (state.status === 'canceled') return [];
    if (state.error) return [make('p', 'problem', state.error.message)];
    if (state.probabilities) return bars(state);
    if (this.spec.answers.kind === 'bytes') return this.file(state.output);
    return [Object.assign(make('pre', '', JSON.stringify(state.output, null, 2)), {tabIndex: 0})];
  }

  file({href, bytes, content_type: type}) {
    const canvas = make('canvas', '');
    const save = make('button', '', `Save the file: ${type}, ${bytes.toLocaleString('en')} bytes`);
    const fetched = call(href).then((one) => one.blob());
    fetched.then((file) => draw(file, canvas)).then((isPicture) => { if (!isPicture) canvas.remove(); });
    save.addEventListener('click', async () => download(await fetched, `${this.id}.${type.split(/[/;+]/)[1]}`));
    return [canvas, make('p', '', save)];
  }

  waiting({workers, position, eta_s: etaS} = {}) {
    const parts = ['Waiting'];
    if (workers === 0) parts.push('no worker yet');
    if (position) parts.push(`${position.toLocaleString('en')} ahead`);
    if (etaS) parts.push(`about ${Math.ceil(etaS)} s`);
    return parts.join(', ');
  }

  step(name, text, {isNow, isBad, ms = performance.now() - this.started} = {}) {
    const step = this.steps.get(name) ?? make('li', '', make('span', ''), make('time', ''));
    if (!this.steps.has(name)) find('line').append(step);
    this.steps.set(name, step);
    step.className = isNow ? 'now' : isBad ? 'bad' : '';
    step.firstChild.textContent = text;
    step.lastChild.textContent = seconds(Math.max(0, ms)); // two machines' clocks may differ
  }
}

// All classes in their order if they are few, otherwise the most probable ones.
function bars({probabilities, predicted_class: best}) {
  const ranked = probabilities.map((share, label) => ({share, label}));
  if (ranked.length > MOST_BARS) ranked.sort((one, other) => other.share - one.share).splice(MOST_BARS);
  const rows = ranked.map(({share, label}) => {
    const bar = make('b', '');
    bar.style.width = `${100 * share}%`;
    return make('li', label === best ? 'top' : '', make('span', '', String(label)), make('i', '', bar), make('span', '', percent(share)));
  });
  const head = make('p', 'best', make('strong', '', String(best)), make('span', '', `${percent(probabilities[best])} probable`));
  return [head, make('ol', 'bars', ...rows)];
}
