// Elements of the page: found, made, drawn into, saved from.
export const find = (id) => document.getElementById(id);

export function make(tag, className, ...content) {
  const element = Object.assign(document.createElement(tag), {className});
  element.append(...content);
  return element;
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

export function download(file, name) {
  const link = Object.assign(document.createElement('a'), {href: URL.createObjectURL(file), download: name});
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000); // some browsers read it later
}
