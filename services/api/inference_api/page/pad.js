// A pad to draw on with a pen, a finger, a mouse or the keyboard: arrows move the pen, the space bar lowers and lifts it.
const PEN = 34;
const STEP = 20;
const ARROWS = {ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1]};

export class Pad {
  constructor(canvas) {
    this.canvas = canvas;
    this.ink = canvas.getContext('2d');
    this.clear();
    canvas.addEventListener('pointerdown', (event) => {
      canvas.setPointerCapture(event.pointerId);
      this.moveTo(this.place(event));
      this.drawTo(this.at);
    });
    canvas.addEventListener('pointermove', (event) => {
      if (event.buttons) for (const one of event.getCoalescedEvents?.() ?? [event]) this.drawTo(this.place(one));
    });
    canvas.addEventListener('keydown', (event) => this.type(event));
  }

  clear() {
    const {width, height} = this.canvas;
    Object.assign(this.ink, {fillStyle: '#fff', strokeStyle: '#111', lineWidth: PEN, lineCap: 'round', lineJoin: 'round'});
    this.ink.fillRect(0, 0, width, height);
    this.at = [width / 2, height / 2];
    this.isBlank = true;
    this.isDown = false;
  }

  toBlob() {
    return new Promise((resolve) => this.canvas.toBlob(resolve, 'image/png'));
  }

  place(event) {
    const box = this.canvas.getBoundingClientRect();
    return [(event.clientX - box.left) * this.canvas.width / box.width, (event.clientY - box.top) * this.canvas.height / box.height];
  }

  moveTo(to) {
    this.at = to;
  }

  drawTo(to) {
    this.ink.beginPath();
    this.ink.moveTo(...this.at);
    this.ink.lineTo(...to);
    this.ink.stroke();
    this.at = to;
    this.isBlank = false;
  }

  type(event) {
    const way = ARROWS[event.key];
    if (!way && event.key !== ' ') return;
    event.preventDefault();
    if (!way) this.isDown = !this.isDown;
    const to = this.at.map((one, axis) => Math.min(this.canvas.width, Math.max(0, one + STEP * (way?.[axis] ?? 0))));
    if (this.isDown) this.drawTo(to);
    else this.moveTo(to);
  }
}
