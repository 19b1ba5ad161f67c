// On to the app when all frames have loaded, and after three seconds at the latest. Without scripts the page goes on after five.
const onward = () => location.replace(document.getElementById("continue").href);
addEventListener("load", onward);
setTimeout(onward, 3000);
