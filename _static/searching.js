// A result names a page once, and quotes its text: not the menus above, nor a formula's source.
const LETTERS = { approx: "≈", beta: "β", cdot: "·", epsilon: "ε", ge: "≥", infty: "∞", int: "∫",
  lambda: "λ", Lambda: "Λ", le: "≤", mid: "|", mu: "μ", phi: "φ", pi: "π", sigma: "σ",
  Sigma: "Σ", sum: "∑", theta: "θ", times: "×", varepsilon: "ε", exp: "exp", log: "log" };
const FORMULA = /\\\([\s\S]*?\\\)|\\\[[\s\S]*?\\\]/g;

/** `\mathrm{KL}(q_\phi \,\|\, p)` as "KL(qφ ‖ p)". */
function plain(formula) {
  return formula.replace(/\\[()[\]]|\\(begin|end)\{\w+\}/g, "")
    .replace(/\\t?frac *(\d)(\d)/g, "$1/$2").replace(/\\t?frac *\{?(\w+)\}? *\{([^{}]*)\}/g, "$1/$2")
    .replace(/\\\|/g, "‖").replace(/\\[,;:! \\]/g, " ")
    .replace(/\\([A-Za-z]+) ?/g, (_, name) => LETTERS[name] ?? "")
    .replace(/[{}_^&\\]/g, "").replace(/\s+/g, " ").trim();
}

/** The index of titles, with signs that mean something in HTML as HTML writes them. */
function written(titles) {
  const signs = { "&": "&amp;", "<": "&lt;" };
  const entry = ([title, found]) => [title.replace(/[&<]/g, (sign) => signs[sign]), found];
  return Object.fromEntries(Object.entries(titles).map(entry));
}

document.addEventListener("DOMContentLoaded", () => {
  if (typeof Search === "undefined") return;
  // From a file a page may not read another one: then a result is a title alone.
  if (location.protocol === "file:") DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = false;
  const whole = Search.htmlToText;
  const menus = /<div class="bd-header-article[\s\S]*?(?=<article)/;
  Search.htmlToText = (html, anchor) =>
    whole(html.replace(menus, "").replace(FORMULA, plain), anchor);
  const search = Search._performSearch;
  let titles; // a result shows them as HTML
  Search._performSearch = (...query) => {
    titles ??= Search._index.alltitles = written(Search._index.alltitles);
    const found = new Map(); // the best is last, and stays
    for (const result of search(...query)) {
      const name = result.slice(0, 2).join();
      found.delete(name);
      found.set(name, result);
    }
    return [...found.values()];
  };
});
