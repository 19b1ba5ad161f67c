// A second press would take the answer to the first one away. Without scripts the forms work as they are.
let pressed = -Infinity;
addEventListener("submit", (event) => {
  if (performance.now() - pressed < 5000) event.preventDefault();
  else pressed = performance.now();
});
addEventListener("pageshow", () => {
  pressed = -Infinity;
});
