// The input of a model: what fits its kind, and its parameters.
import {Pad} from './pad.js';

const find = (id) => document.getElementById(id);
const NOUNS = {picture: 'picture', tensor: 'array', text: 'text', json: 'document', file: 'file'};

export class Input {
  constructor() {
    this.pad = new Pad(find('pad'));
    find('ways').addEventListener('change', (event) => this.show(event.target.value));
    for (const input of document.querySelectorAll('#drop input')) {
      input.addEventListener('change', () => { if (input.files[0]) this.choose(input.files[0]); input.value = ''; });
    }
    find('clear').addEventListener('click', () => this.clear());
  }

  // Shows what fits the model.
  set(spec) {
    this.spec = spec;
    this.kind = spec.takes.kind;
    find('ways').hidden = this.kind !== 'picture';
    find('photograph').hidden = this.kind !== 'picture';
    const accept = {picture: 'image/*', file: spec.takes.types?.filter((one) => one !== 'application/octet-stream').join()};
    for (const id of ['file', 'files']) find(id).accept = accept[this.kind] ?? '';
    find('text-label').textContent = this.kind === 'json' ? 'JSON document' : 'Text';
    find('text').maxLength = spec.takes.max_chars ?? 1e9;
    this.setParameters(spec);
    this.clear();
    this.show({picture: spec.takes.mode === 'L' ? 'draw' : 'file', text: 'write', json: 'write'}[this.kind] ?? 'file');
  }

  show(way) {
    this.way = way;
    for (const radio of document.querySelectorAll('#ways input')) radio.checked = radio.value === way;
    find('drawing').hidden = way !== 'draw';
    find('drop').hidden = way !== 'file';
    find('writing').hidden = way !== 'write';
  }

  clear() {
    this.pad.clear();
    this.file = null;
    find('text').value = '';
    find('chosen').hidden = true;
    find('chosen-name').textContent = `Drop a ${NOUNS[this.kind]} here, or paste it`;
  }

  async choose(file) {
    if (this.kind === 'text' || this.kind === 'json') {
      find('text').value = await file.text();
      return;
    }
    this.file = file;
    this.show('file');
    find('chosen-name').textContent = `${file.name ?? 'The example'}, ${file.size.toLocaleString('en')} bytes`;
    find('chosen').hidden = !(await draw(file, find('chosen')));
  }

  // Returns the input, or null if there is none yet.
  async read() {
    if (this.way === 'draw') return this.pad.isBlank ? null : this.pad.toBlob();
    if (this.way === 'file') return this.file;
    const type = this.kind === 'json' ? 'application/json' : 'text/plain';
    return find('text').value ? new Blob([find('text').value], {type}) : null;
  }

  get noun() {
    return NOUNS[this.kind];
  }

  get params() {
    const given = [...document.querySelectorAll('#parameters [name]')].filter((field) => field.value !== '');
    return Object.fromEntries(given.map((field) => [field.name, field.value]));
  }

  setParameters({params}) {
    const box = find('parameters');
    const properties = Object.entries(params?.properties ?? {});
    box.hidden = !properties.length;
    box.replaceChildren(box.firstElementChild, ...properties.map(([name, schema]) => {
      const one = resolve(schema, params);
      const label = document.createElement('label');
      const note = Object.assign(document.createElement('small'), {textContent: schema.description ?? ''});
      label.append(name, field(name, one, params.required?.includes(name)), note);
      return label;
    }));
  }
}

// Returns the rules of a property with those it refers to.
function resolve(schema, root) {
  const own = {...schema};
  for (const one of [schema, ...(schema.anyOf ?? [])]) {
    if (one.type !== 'null') Object.assign(own, one.$ref ? root.$defs[one.$ref.split('/').pop()] : one);
  }
  return own;
}

function field(name, rules, isRequired) {
  const choices = rules.enum ?? (rules.type === 'boolean' ? [true, false] : null);
  const isNumber = rules.type === 'number' || rules.type === 'integer';
  const made = document.createElement(choices ? 'select' : 'input');
  if (choices) made.append(...(isRequired ? [] : ['']).concat(choices).map((one) => new Option(one === '' ? `as usual (${rules.default})` : one, one)));
  else Object.assign(made, {type: isNumber ? 'number' : 'text', placeholder: rules.default ?? ''});
  if (isNumber) Object.assign(made, {step: rules.type === 'integer' ? 1 : 'any', min: rules.minimum ?? '', max: rules.maximum ?? ''});
  return Object.assign(made, {name, required: Boolean(isRequired)});
}

// Draws a picture file; returns whether the browser can read it. No URL is made, so the page's policy needs none.
export async function draw(file, canvas) {
  try {
    const picture = await createImageBitmap(file);
    Object.assign(canvas, {width: picture.width, height: picture.height});
    canvas.getContext('2d').drawImage(picture, 0, 0);
    return true;
  } catch {
    return false;
  }
}
