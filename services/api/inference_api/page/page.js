// The page: chooses a model, and passes inputs to jobs.
import {Batch} from './batch.js';
import {find} from './element.js';
import {Input} from './input.js';
import {Job} from './job.js';
import {Problem, call, keepKey, read} from './service.js';

const LOOK_MS = 2000;
const input = new Input();
let models = [];
let spec, job, batch;

// Does the work of an event; shows its error, and asks for a key if one is missing.
async function attempt(work) {
  const show = (error) => {
    find('problem').hidden = !error;
    find('problem').textContent = error?.message;
    find('key').hidden = error?.status !== 401;
  };
  show(null);
  await work().catch((error) => { if (error.name !== 'AbortError') show(error); });
}

async function start() {
  await look();
  find('models').hidden = models.length < 2;
  find('name').classList.toggle('unseen', models.length > 1);
  find('model').replaceChildren(...models.map(({name}) => new Option(name)));
  const wanted = decodeURIComponent(location.hash.slice(1));
  await choose(models.find(({name}) => name === wanted) ?? models[0]);
}

async function choose({name, urls}) {
  for (const running of [job, batch]) running?.stopping.abort();
  spec = await read(urls.spec);
  find('model').value = find('name').textContent = document.title = name;
  find('about').textContent = describe(spec);
  input.set(spec);
  find('work').hidden = find('batch').hidden = false;
  showQueue();
}

function describe({takes, answers, version}) {
  const inputs = {
    picture: `a picture, ${takes.width} × ${takes.height}, ${takes.mode === 'L' ? 'grey' : 'in colour'}`,
    tensor: `an array of ${takes.dtype}, ${takes.shape?.join(' × ')}`,
    text: `a text of up to ${takes.max_chars?.toLocaleString('en')} characters`,
    json: 'a JSON document',
    file: `a file: ${takes.types?.join(', ')}`,
  };
  const outputs = {probabilities: `${answers.count} probabilities`, json: 'a JSON document', bytes: `a file: ${answers.content_type}`};
  return `Version ${version} takes ${inputs[takes.kind]}, and answers ${outputs[answers.kind]}.`;
}

async function look() {
  ({models} = await read('models'));
  showQueue();
}

function showQueue() {
  const {waiting, workers} = models.find(({name}) => name === spec?.name) ?? {};
  const parts = [[waiting, 'waiting'], [workers, workers === 1 ? 'worker' : 'workers']].filter(([count]) => Number.isInteger(count));
  find('queue').textContent = parts.map(([count, noun]) => `${count.toLocaleString('en')} ${noun}`).join(' · ');
}

async function send() {
  const body = await input.read();
  if (!body) throw new Problem(`There is no ${input.noun} yet; give one, or use the example.`);
  job?.stopping.abort();
  job = new Job(spec);
  await job.run(body, input.params);
}

async function take(files, many = files.length > 1) {
  if (!many) return input.choose(files[0]);
  batch?.stopping.abort();
  batch = new Batch(spec, files);
  return batch.run(input.params);
}

function on(target, kind, work) {
  target.addEventListener(kind, (event) => { event.preventDefault(); attempt(async () => work(event)); });
}

on(find('input'), 'submit', send);
on(find('key'), 'submit', ({target}) => { keepKey(target.querySelector('input').value.trim()); return start(); });
on(find('model'), 'change', ({target}) => { location.hash = target.value; return choose(models[target.selectedIndex]); });
on(find('example'), 'click', async () => input.choose(await (await call(spec.urls.example)).blob()));
on(find('cancel'), 'click', () => job.cancel());
on(find('download'), 'click', () => batch.save());
on(find('files'), 'change', ({target}) => { const files = [...target.files]; target.value = ''; return take(files, true); });
document.addEventListener('paste', (event) => { if (event.clipboardData.files.length) attempt(() => take([...event.clipboardData.files])); });
document.addEventListener('keydown', (event) => { if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) find('input').requestSubmit(); });
for (const kind of ['dragover', 'dragleave', 'drop']) {
  document.addEventListener(kind, (event) => {
    event.preventDefault();
    find('drop').classList.toggle('over', kind === 'dragover');
    if (kind === 'drop' && event.dataTransfer.files.length) attempt(() => take([...event.dataTransfer.files]));
  });
}
setInterval(() => { if (spec && !document.hidden) look().catch(() => {}); }, LOOK_MS);
attempt(start);
