// A link into a folded section opens it, on its own page and from another; so does paper.
function reveal() {
  const place = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
  const folded = place && place.closest("details.second-reading:not([open])");
  if (folded) {
    folded.open = true;
    place.scrollIntoView();
  }
}
addEventListener("hashchange", reveal);
addEventListener("DOMContentLoaded", reveal);
addEventListener("beforeprint", () => {
  document.querySelectorAll("details.second-reading").forEach((folded) => (folded.open = true));
});
