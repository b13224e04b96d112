// What scrolls sideways, a wide formula or table, takes the focus: so the arrow keys move it.
window.addEventListener("load", async () => {
  await window.MathJax?.startup?.promise;
  const kinds = ["span.math", "div.math mjx-container", ".pst-scrollable-table-container"];
  const boxes = [...document.querySelectorAll(kinds.map((kind) => `.bd-article ${kind}`))];
  const update = () => {
    const isWide = boxes.map((box) => box.scrollWidth > box.clientWidth);  // read all, then write
    boxes.forEach((box, i) => {
      if (isWide[i]) box.tabIndex = 0;
      else box.removeAttribute("tabindex");
    });
  };
  document.fonts.addEventListener("loadingdone", update);  // a letter fits only in its own font
  const observer = new ResizeObserver(update);
  boxes.forEach((box) => observer.observe(box));
});
