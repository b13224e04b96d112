// What a result quotes is the text of a page, not the menus above it.
document.addEventListener("DOMContentLoaded", () => {
  if (typeof Search === "undefined") return;
  const whole = Search.htmlToText;
  const menus = /<div class="bd-header-article[\s\S]*?(?=<article)/;
  Search.htmlToText = (html, anchor) => whole(html.replace(menus, ""), anchor);
});
