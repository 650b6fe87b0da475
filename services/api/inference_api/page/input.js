// The input of a model: what fits its kind, and its parameters.
import {draw, find, make} from './element.js';
import {Pad} from './pad.js';

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
      const made = field(name, resolve(schema, params), params.required?.includes(name));
      return make('label', '', name, made, make('small', '', schema.description ?? ''));
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

function field(name, rules, required = false) {
  const choices = rules.enum ?? (rules.type === 'boolean' ? [true, false] : null);
  const made = Object.assign(document.createElement(choices ? 'select' : 'input'), {name, required});
  if (choices) {
    const usual = new Option(required ? '' : `as usual (${rules.default})`, '');
    made.append(usual, ...choices.map((one) => new Option(one)));
    return made;
  }
  const isNumber = ['number', 'integer'].includes(rules.type);
  const bounds = isNumber && {step: rules.type === 'integer' ? 1 : 'any', min: rules.minimum ?? '', max: rules.maximum ?? ''};
  return Object.assign(made, {type: isNumber ? 'number' : 'text', placeholder: rules.default ?? '', ...bounds});
}
