// Looks twice a second whether the app has heard something of this browser's session, and shows it.
const shown = document.body.dataset.revision;
let leaving = false;
const look = async () => {
  if (leaving || !shown) return;
  try {
    const answer = await fetch("/state", { cache: "no-store" });
    const now = await answer.text();
    // A page that is being left is left: this would call the new one off.
    if (answer.ok && now !== shown && !leaving) location.replace("/");
  } catch {
    // The app is not there just now.
  }
};
addEventListener("beforeunload", () => { leaving = true; });
addEventListener("pageshow", () => { leaving = false; look(); });
document.addEventListener("visibilitychange", look);
setInterval(look, 500);
// In the time zone of whoever reads it.
for (const time of document.querySelectorAll("time")) {
  time.textContent = new Date(time.dateTime).toLocaleTimeString();
}
