// A term shows its definition on hover, on focus and on the first tap; Escape hides it.
document.addEventListener("DOMContentLoaded", () => {
  const touch = window.matchMedia("(hover: none)");
  for (const term of document.querySelectorAll("a.term")) {
    const definition = new bootstrap.Tooltip(term, {
      customClass: "definition",
      delay: { show: 200, hide: 100 },
    });
    term.addEventListener("click", (event) => {
      const isShown = term.hasAttribute("aria-describedby");
      if (touch.matches && !isShown) event.preventDefault();  // the second tap follows the link
    });
    document.addEventListener("keydown", (event) => {
      if (event.key === "Escape") definition.hide();
    });
  }
});
