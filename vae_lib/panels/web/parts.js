/** What all panels are built of: elements, sliders, digits on canvas, the theme, a live region. */

const TAKES_KEYS = ["button", "canvas", "input", "select"];
const SVG = "http://www.w3.org/2000/svg";

function filled(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

/** Makes an element with these attributes and children (nodes or text). */
export function element(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  // Else JupyterLab takes the arrow keys and Space for shortcuts of its own.
  if (TAKES_KEYS.includes(tag)) node.setAttribute("data-lm-suppress-shortcuts", "true");
  return filled(node, attributes, children);
}

/** Makes an element of an SVG picture. */
export function shape(tag, attributes = {}, ...children) {
  return filled(document.createElementNS(SVG, tag), attributes, children);
}

/** Makes a button; the class "main" in its attributes makes it the prominent one. */
export function button(text, onClick, attributes = {}) {
  const node = element("button", { type: "button", ...attributes }, text);
  node.addEventListener("click", onClick);
  return node;
}

/** Makes an id that no other panel on the page has. */
export function uniqueId() {
  return `vae-${Math.random().toString(36).slice(2)}`;
}

/** Makes a titled group of controls; the title is no heading, the page has its own. */
export function group(title, attributes = {}, ...children) {
  const id = uniqueId();
  return element(
    "div",
    { role: "group", "aria-labelledby": id, ...attributes },
    element("p", { id, class: "title" }, title),
    ...children,
  );
}

/** Writes a number with so many decimals and a true minus sign. */
export function decimal(value, places = 2) {
  const text = value.toFixed(places);
  return Number(text) === 0 ? text.replace("-", "") : text.replace("-", "−");
}

/** Writes the coordinates of a latent vector. */
export function written(z) {
  return [...z].map((each) => decimal(each)).join(", ");
}

/**
 * Makes a labeled slider that shows its value.
 * bounds: { min, max, step, value }; format(number) is the text of a value, also when read aloud;
 * onInput(number) is called when the reader moves it, not by `set`.
 * Returns { root, input, set(number) }.
 */
export function labeledRange(label, bounds, format, onInput, attributes = {}) {
  const input = element("input", { type: "range", ...bounds, ...attributes });
  const output = element("output", { "aria-live": "off" });
  const show = (value) => {
    output.textContent = format(value);
    input.setAttribute("aria-valuetext", format(value));
  };
  const set = (value) => {
    input.value = value;
    show(value);
  };
  input.addEventListener("input", () => {
    show(input.valueAsNumber);
    onInput(input.valueAsNumber);
  });
  set(bounds.value);
  const text = element("label", {}, element("span", {}, label), input);
  return { root: element("div", { class: "slider" }, text, output), input, set };
}

/**
 * Makes a labeled menu; options: [value, text] of each; onChoose(value) is called when the reader
 * chooses. Returns { root, select }.
 */
export function labeledSelect(label, options, onChoose, attributes = {}) {
  const select = element("select", attributes,
    ...options.map(([value, text]) => element("option", { value }, text)));
  select.addEventListener("change", () => onChoose(select.value));
  return { root: element("label", {}, element("span", {}, label), select), select };
}

/** Makes a menu of test digits; digits: [index, name] of each; onChoose(index) of the chosen one. */
export function digitChoice(digits, onChoose) {
  const choose = (value) => value && onChoose(Number(value));
  return labeledSelect("Test digit", [["", "choose"], ...digits], choose,
    { "data-role": "test-digit" });
}

/** Makes a list of names with their values, { role: name }: { root, values: { role: element } }. */
export function numberList(names) {
  const values = Object.fromEntries(
    Object.keys(names).map((role) => [role, element("dd", { "data-role": role })]),
  );
  const entries = Object.entries(names).map(([role, name]) =>
    element("div", {}, element("dt", {}, name), values[role]),
  );
  return { root: element("dl", {}, ...entries), values };
}

/** Makes a canvas for one digit of side×side pixels; `label` says what it shows. */
export function digitCanvas(label, attributes = {}, side = 28) {
  const size = { width: side, height: side, class: "digit" };
  return element("canvas", { ...size, role: "img", "aria-label": label, ...attributes });
}

/**
 * Paints a digit's values in [0, 1], 0 paper and 1 ink, in the colors of the theme; those under a
 * mask in its colors for what is no more than a guess.
 */
export function paintDigit(canvas, values, theme, mask = []) {
  const context = canvas.getContext("2d");
  const image = context.createImageData(canvas.width, canvas.height);
  const pixels = new Uint32Array(image.data.buffer);
  for (let i = 0; i < pixels.length; i++) {
    pixels[i] = (mask[i] ? theme.guess : theme.ramp)[Math.round(255 * values[i])];
  }
  context.putImageData(image, 0, 0);
}

/** Calls back with [x, y] in CSS pixels, from the top left, where a reader presses and drags. */
export function onDrag(node, callback) {
  const move = (event) => {
    if (node.hasPointerCapture(event.pointerId)) callback([event.offsetX, event.offsetY]);
  };
  node.addEventListener("pointerdown", (event) => {
    if (!event.isPrimary || event.button !== 0) return;
    node.setPointerCapture(event.pointerId);
    move(event);
  });
  node.addEventListener("pointermove", move);
}

/** Calls back once a node is seen, and after every change of its size, until the end. */
export function onResize(node, callback) {
  const observer = new ResizeObserver(() => node.clientWidth > 0 && callback()); // 0: hidden
  observer.observe(node);
  return () => observer.disconnect();
}

/**
 * Keeps a canvas as sharp as the screen: its bitmap follows its size on the page, in units of
 * CSS pixels. redraw() is called after every change of size. Returns a function that ends this.
 */
export function followSize(canvas, redraw) {
  return onResize(canvas, () => {
    const ratio = window.devicePixelRatio;
    canvas.width = Math.round(canvas.clientWidth * ratio);
    canvas.height = Math.round(canvas.clientHeight * ratio);
    canvas.getContext("2d").scale(ratio, ratio);
    redraw();
  });
}

/**
 * Reads the colors of the panel that holds `node`: { ink, paper, muted, line, accent } for CSS,
 * dark (is the paper dark?), and for `paintDigit` ramp (256,): colors from paper to ink, and
 * guess (256,): from tinted paper to the accent.
 */
export function readTheme(node) {
  const style = getComputedStyle(node.closest(".vae-panel"));
  const names = ["ink", "paper", "muted", "line", "accent"];
  const colors = names.map((name) => [name, style.getPropertyValue(`--${name}`)]);
  const theme = Object.fromEntries(colors);
  const context = element("canvas", { width: 3, height: 1 }).getContext("2d");
  context.fillStyle = theme.paper;
  context.fillRect(0, 0, 3, 1);
  context.fillStyle = theme.ink; // on paper, where it is transparent
  context.fillRect(1, 0, 1, 1);
  context.fillStyle = theme.accent;
  context.fillRect(2, 0, 1, 1);
  const { data } = context.getImageData(0, 0, 3, 1);
  const [paper, ink, accent] = [0, 4, 8].map((first) => data.subarray(first, first + 4));
  const ramp = colorRamp(paper, ink, 0);
  return { ...theme, dark: paper[1] < 128, ramp, guess: colorRamp(paper, accent, 0.15) };
}

/** 256 colors (r, g, b, a), in words of four bytes, from a share of `end` in `start` to `end`. */
function colorRamp(start, end, share) {
  const ramp = Uint8ClampedArray.from({ length: 1024 }, (_, i) => {
    const [level, channel] = [share + ((1 - share) * (i >> 2)) / 255, i & 3];
    return channel === 3 ? 255 : start[channel] + level * (end[channel] - start[channel]);
  });
  return new Uint32Array(ramp.buffer);
}

/** Calls back when the page changes between light and dark. Returns a function that ends this. */
export function onThemeChange(callback) {
  const observer = new MutationObserver(callback);
  observer.observe(document.documentElement, { attributeFilter: ["data-theme"] });
  observer.observe(document.body, { attributeFilter: ["data-jp-theme-light"] });
  return () => observer.disconnect();
}

/** Did the reader ask the system for less motion? */
export function prefersLessMotion() {
  return matchMedia("(prefers-reduced-motion: reduce)").matches;
}

/** A place whose text is read aloud: only the last sentence, once nothing came for `pause` ms. */
export function liveRegion(pause = 600) {
  const root = element("p", { class: "announce", "aria-live": "polite", "data-role": "announce" });
  let timer;
  const say = (sentence) => {
    clearTimeout(timer);
    timer = setTimeout(() => (root.textContent = sentence), pause);
  };
  return { root, say };
}

/** Marks the host's element as a panel, unless it stands in one. */
export function markPanel(el) {
  if (!el.closest(".vae-panel")) el.classList.add("vae-panel");
}

/** Stands in for anywidget's model on a page without Python. */
function pageModel(values) {
  const store = new Map(Object.entries(values));
  const callbacks = new Map();
  const listening = (event) => callbacks.get(event) ?? [];
  return {
    get: (name) => store.get(name),
    set: (name, value) => {
      store.set(name, value);
      for (const callback of listening(`change:${name}`)) callback();
    },
    save_changes: () => {},
    on: (event, callback) => callbacks.set(event, [...listening(event), callback]),
    off: (event, callback) =>
      callbacks.set(event, listening(event).filter((each) => each !== callback)),
  };
}

/** Starts the program that came with the panel, see `worker_source` in panel.py. */
export function startWorker() {
  const url = URL.createObjectURL(new Blob([WORKER_SOURCE], { type: "text/javascript" }));
  return new Worker(url);
}

/** A sentence where this browser lacks something that a panel needs, or nothing. */
export function whatIsMissing(doing, needs) {
  const name = needs.find((each) => typeof window[each] === "undefined");
  return name && element("p", {}, `${doing} needs a newer browser: this one has no ${name}.`);
}

/** Calls back once an element is at most a screen away. */
function whenNear(el, callback) {
  const observer = new IntersectionObserver((entries) => {
    if (!entries.some(({ isIntersecting }) => isIntersecting)) return;
    observer.disconnect();
    callback();
  }, { rootMargin: "100%" });
  observer.observe(el);
}

/** Calls back with what a panel shows: it stands in the page, or in a script of its own. */
function withValues(panel, id, callback) {
  const { textContent, dataset } = panel.querySelector('script[type="application/json"]');
  if (!dataset.src) {
    callback(JSON.parse(textContent));
    return;
  }
  whenNear(panel, () => {
    const script = element("script", { src: dataset.src });
    script.addEventListener("load", () => callback(window.vaePanels[id]));
    document.head.append(script);
  });
}

/**
 * Brings the first panel with this id to life; if that fails, its still picture stays. A panel
 * gives its id up, so that the program of an equal one on the page finds the next.
 */
export function mount(id, render) {
  const panel = document.getElementById(id);
  panel.removeAttribute("id");
  const live = panel.querySelector(".live");
  withValues(panel, id, (values) => {
    try {
      render({ model: pageModel(values), el: live });
    } catch (error) {
      console.error(error);
      live.replaceChildren();
      return;
    }
    live.hidden = false;
    panel.classList.add("is-live");
  });
}
