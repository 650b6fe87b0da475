// The page: chooses a model, and passes inputs to jobs.
import {Batch} from './batch.js';
import {Input} from './input.js';
import {Job} from './job.js';
import {Problem, call, keepKey, read} from './service.js';

const LOOK_MS = 2000;
const find = (id) => document.getElementById(id);
const input = new Input();
let models = [];
let spec, job, batch;

function complain(error) {
  find('problem').hidden = !error;
  find('problem').textContent = error?.message ?? '';
  find('key').hidden = error?.status !== 401;
}

async function attempt(work) {
  complain(null);
  try {
    await work();
  } catch (error) {
    if (error.name !== 'AbortError') complain(error);
  }
}

async function start() {
  await look();
  const names = models.map((one) => one.name);
  find('models').hidden = names.length < 2;
  find('model').replaceChildren(...names.map((name) => new Option(name)));
  const wanted = decodeURIComponent(location.hash.slice(1));
  await choose(names.includes(wanted) ? wanted : names[0]);
}

async function choose(name) {
  job?.stop();
  batch?.stop();
  spec = await read(models.find((one) => one.name === name).urls.spec);
  find('model').value = name;
  find('name').textContent = document.title = name;
  find('about').textContent = describe(spec);
  input.set(spec);
  job = batch = null;
  find('work').hidden = find('batch').hidden = false;
  show();
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
  show();
}

function show() {
  const shown = models.find((one) => one.name === spec?.name);
  if (!shown) return;
  const parts = [shown.waiting === null ? 'queue unknown' : `${shown.waiting.toLocaleString('en')} waiting`];
  if (Number.isInteger(shown.workers)) parts.push(`${shown.workers} ${shown.workers === 1 ? 'worker' : 'workers'}`);
  find('queue').textContent = parts.join(' · ');
}

async function send() {
  const body = await input.read();
  if (!body) throw new Problem(0, `There is no ${input.noun} yet; give one, or use the example.`);
  job?.stop();
  job = new Job(spec);
  await job.run(body, input.params);
}

async function sendAll(files) {
  batch?.stop();
  batch = new Batch(spec, files);
  await batch.run(input.params);
}

const take = (files) => attempt(() => files.length > 1 ? sendAll(files) : input.choose(files[0]));

find('input').addEventListener('submit', (event) => { event.preventDefault(); attempt(send); });
find('model').addEventListener('change', (event) => attempt(() => { location.hash = event.target.value; return choose(event.target.value); }));
find('example').addEventListener('click', () => attempt(async () => input.choose(await (await call(spec.urls.example)).blob())));
find('cancel').addEventListener('click', () => attempt(() => job.cancel()));
find('download').addEventListener('click', () => batch.save());
find('files').addEventListener('change', (event) => { const files = [...event.target.files]; event.target.value = ''; attempt(() => sendAll(files)); });
find('key').addEventListener('submit', (event) => { event.preventDefault(); keepKey(event.target.querySelector('input').value); attempt(start); });
document.addEventListener('paste', (event) => { if (event.clipboardData.files.length) { event.preventDefault(); take([...event.clipboardData.files]); } });
document.addEventListener('keydown', (event) => {
  if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) find('input').requestSubmit();
  if (event.key === 'Escape') input.clear();
});
for (const kind of ['dragover', 'dragleave', 'drop']) {
  document.addEventListener(kind, (event) => {
    event.preventDefault();
    find('drop').classList.toggle('over', kind === 'dragover');
    if (kind === 'drop' && event.dataTransfer.files.length) take([...event.dataTransfer.files]);
  });
}
setInterval(() => { if (spec && !document.hidden) look().catch(() => {}); }, LOOK_MS);
attempt(start);
