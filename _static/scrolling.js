// A formula that is wider than its place is set smaller, to two thirds at most. What is wider
// still, a wide table or figure, and code scroll: their edge fades, and they take the focus, so
// that arrow keys move them.
const LEAST = 2 / 3;
const WIDE = ".bd-article :is(div.math mjx-container, .pst-scrollable-table-container, " +
  "div.highlight pre, .cell_output pre, .wide)";
const INLINE = ".bd-article span.math mjx-container";
const PLACE = "p, li, dd, dt, td, th, h1, h2, h3, h4, figcaption";

function follow(update) {
  const widths = new Map(); // a change of height alone asks for nothing
  const observer = new ResizeObserver((entries) => {
    const isNew = ({ target }) => widths.get(target) !== target.clientWidth;
    const changed = entries.filter(isNew);
    changed.forEach(({ target }) => widths.set(target, target.clientWidth));
    if (changed.length > 0) update();
  });
  return (box) => observer.observe(box);
}

window.addEventListener("load", async () => {
  await window.MathJax?.startup?.promise;
  const boxes = [...document.querySelectorAll(WIDE)];
  const formulas = [...boxes.filter((box) => box.matches("mjx-container")),
    ...document.querySelectorAll(INLINE)];
  const sizes = new Map(formulas.map((each) => [each, parseFloat(each.style.fontSize) || 100]));
  const room = (formula) => (formula.matches(INLINE)
    ? formula.closest(PLACE)?.clientWidth / formula.offsetWidth
    : formula.clientWidth / formula.scrollWidth);
  const resize = (formula, share) => {
    formula.style.fontSize = `${sizes.get(formula) * share}%`;
  };
  const mark = (box) => {
    const left = box.scrollWidth - box.clientWidth;
    box.classList.toggle("has-more", left - box.scrollLeft > 1);
    if (left > 1) box.tabIndex = 0;
    else box.removeAttribute("tabindex");
  };
  const update = () => {
    formulas.forEach((formula) => resize(formula, 1));
    const rooms = formulas.map(room); // read all, then write
    formulas.forEach((formula, i) => {
      if (rooms[i] < 1) resize(formula, Math.max(LEAST, 0.99 * rooms[i]));
    });
    boxes.forEach(mark);
  };
  document.fonts.addEventListener("loadingdone", update); // a letter fits only in its own font
  const observe = follow(update);
  boxes.forEach((box) => {
    observe(box);
    box.addEventListener("scroll", () => mark(box), { passive: true });
  });
  observe(document.querySelector("main"));
});
