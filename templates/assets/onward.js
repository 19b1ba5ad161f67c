// On to the app a moment after all frames have loaded, and after three seconds at the latest. Without scripts the page goes on after five.
const [grace, latest] = [200, 3000];
const answered = new Set();
const onward = () => location.replace(document.getElementById("continue").href);
const look = () => {
  const all = document.querySelectorAll("iframe").length;
  if (document.readyState !== "loading" && answered.size >= all) setTimeout(onward, grace);
};
// Not deferred, so that it hears of every frame. Each begins with a document of ours, which would ask its app after a second.
document.addEventListener("load", ({ target }) => {
  if (target.tagName !== "IFRAME") return;
  if (target.contentDocument?.URL === "about:srcdoc") {
    target.contentWindow.location.replace(target.dataset.to);
  } else {
    answered.add(target);
    look();
  }
}, true);
addEventListener("DOMContentLoaded", () => { look(); setTimeout(onward, latest); });
