// A pad to draw on with a pen, a finger, a mouse or the keyboard: arrows move the pen, the space bar lowers and lifts it.
const PEN = {fillStyle: '#fff', strokeStyle: '#111', lineWidth: 34, lineCap: 'round', lineJoin: 'round'};
const STEP = 20;
const WAYS = {' ': [0, 0], ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1]};

export class Pad {
  constructor(canvas) {
    this.canvas = canvas;
    this.ink = canvas.getContext('2d');
    this.clear();
    canvas.addEventListener('pointerdown', (event) => {
      canvas.setPointerCapture(event.pointerId);
      this.at = this.placeOf(event);
      this.drawTo(this.at);
    });
    canvas.addEventListener('pointermove', (event) => {
      if (event.buttons) for (const one of event.getCoalescedEvents?.() ?? [event]) this.drawTo(this.placeOf(one));
    });
    canvas.addEventListener('keydown', (event) => { if (WAYS[event.key]) this.step(event); });
  }

  clear() {
    const {width, height} = this.canvas;
    Object.assign(this.ink, PEN).fillRect(0, 0, width, height);
    this.at = [width / 2, height / 2];
    this.isBlank = true;
    this.isDown = false;
  }

  toBlob() {
    return new Promise((resolve) => this.canvas.toBlob(resolve, 'image/png'));
  }

  placeOf({clientX, clientY}) {
    const box = this.canvas.getBoundingClientRect();
    const scale = this.canvas.width / box.width;
    return [(clientX - box.left) * scale, (clientY - box.top) * scale];
  }

  drawTo(to) {
    this.ink.beginPath();
    this.ink.moveTo(...this.at);
    this.ink.lineTo(...to);
    this.ink.stroke();
    this.at = to;
    this.isBlank = false;
  }

  step(event) {
    event.preventDefault();
    if (event.key === ' ') this.isDown = !this.isDown;
    const to = this.at.map((one, axis) => Math.min(this.canvas.width, Math.max(0, one + STEP * WAYS[event.key][axis])));
    if (this.isDown) this.drawTo(to);
    this.at = to;
  }
}
