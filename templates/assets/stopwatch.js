// Ends the session, and shows how long both APIs and this app take to refuse. What the APIs made of the access token the server
// has seen: it stays there.
const page = document.getElementById("stopwatch");
const says = page.dataset;
const by = (id) => document.getElementById(id);
const nobody = by("who").textContent;
const OWN = { "X-Latchkey-BFF": "1" };
const APIS = ["first", "second"];
const seconds = new Intl.NumberFormat(document.documentElement.lang, {
  style: "unit", unit: "second", unitDisplay: "narrow", minimumFractionDigits: 2, maximumFractionDigits: 2,
});
const timed = (ms) => seconds.format(ms / 1000);
const pause = (ms) => new Promise((done) => setTimeout(done, ms));

function row(id, kind, text, ms) {
  const shown = by(id);
  shown.className = kind;
  shown.querySelector(".state").textContent = text;
  if (ms !== undefined) shown.querySelector(".time").textContent = timed(ms);
}

// Whether this app still has a session.
const user = () => fetch("/bff/user", { headers: OWN, cache: "no-store" });
const isOver = (answer) => answer.status === 401 && answer.headers.get("Latchkey-Session") === "ended";

function signedOut() {
  by("end").hidden = true;
  by("sign-in").hidden = false;
  by("who").textContent = nobody;
  by("sign-in").textContent = says.again;
}

// Who is signed in, and whether both APIs take their token.
async function begin() {
  const answer = await user();
  if (!answer.ok) return;
  const claims = await answer.json();
  by("who").textContent = says.name.replace("{name}", () => claims.name ?? claims.sub);
  row("app", "taken", says.live);
  for (const id of APIS) {
    const asked = await fetch(`/api/${id}/orders`, { headers: OWN, cache: "no-store" });
    row(id, asked.ok ? "taken" : "", asked.ok ? says.taken : says.unknown);
  }
  by("sign-in").hidden = true;
  by("end").hidden = false;
}

// Until this app's session is over.
async function watchApp(since, watched) {
  while (!watched.isOver) {
    if (isOver(await user())) {
      watched.app = performance.now() - since;
      row("app", "refused", says.over, watched.app);
      signedOut();
      return;
    }
    row("app", "taken", says.live, performance.now() - since);
    await pause(50);
  }
}

// Until both APIs refuse, or the server gives it up.
async function watchApis(since, watched, run) {
  for (;;) {
    const seen = await (await fetch(`/stopwatch/runs/${run}`, { cache: "no-store" })).json();
    seen.apis.forEach(({ taken, refused_after_ms: after }, at) => {
      const still = seen.is_over ? says.still : says.taken;
      if (after !== null) row(APIS[at], "refused", says.refused, after);
      else row(APIS[at], taken ? "taken" : "", taken ? still : says.unknown, performance.now() - since);
    });
    if (seen.is_over) {
      watched.apis = seen.apis.map((api) => api.refused_after_ms);
      watched.ended = seen.ended_after_ms !== null;
      return;
    }
    await pause(50);
  }
}

function verdict(since, watched) {
  if (!watched.ended) return says.failed;
  const after = [...watched.apis, watched.app];
  const all = after.every((ms) => typeof ms === "number");
  const last = all ? Math.max(...after) : performance.now() - since;
  return (all ? says.done : says.undone).replace("{seconds}", timed(last));
}

async function end() {
  const since = performance.now();
  const watched = {};
  by("end").disabled = true;
  by("verdict").textContent = says.asking;
  try {
    const asked = await fetch("/api/stopwatch/runs", { method: "POST", headers: OWN });
    if (isOver(asked)) return location.reload();
    if (!asked.ok) throw new Error(asked.status);
    const { run } = await asked.json();
    const app = watchApp(since, watched);
    await watchApis(since, watched, run);
    // The back channel may be behind the status lists, or before them.
    await Promise.race([app, pause(5000)]);
    by("verdict").textContent = verdict(since, watched);
  } catch {
    by("verdict").textContent = says.failed;
  } finally {
    watched.isOver = true;
    by("end").disabled = false;
  }
}

by("end").addEventListener("click", end);
begin();
