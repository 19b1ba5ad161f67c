// On to the app when all frames have loaded, and after three seconds at the latest. Without scripts the page goes on after five.
const answered = new Set();
const onward = () => location.replace(document.getElementById("continue").href);
const look = () => {
  const all = document.querySelectorAll("iframe").length;
  if (document.readyState !== "loading" && answered.size >= all) onward();
};
// Not deferred, so that it hears of every frame. Each begins with a document of ours, which says nothing.
document.addEventListener("load", ({ target }) => {
  if (target.tagName !== "IFRAME" || target.contentDocument?.URL === "about:srcdoc") return;
  answered.add(target);
  look();
}, true);
addEventListener("DOMContentLoaded", () => { look(); setTimeout(onward, 3000); });
