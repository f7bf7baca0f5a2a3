// The page's script: it draws charts when they come near, and "Your own numbers" from the sliders.
// The formulas are those of src/slingshot/money/month.py; tests/browser compares the two. Texts enter as text, never as HTML.
(() => {
"use strict";
const byId = (id) => document.getElementById(id);
const read = (element) => JSON.parse(element.textContent);
const MISSING = "–";

// --- figures as report/numbers.py prints them ----------------------------------------------------
function significant(value, digits = 3) {
  if (value === null || !Number.isFinite(value)) return MISSING;
  if (value === 0) return "0";
  const decimals = Math.min(Math.max(digits - 1 - Math.floor(Math.log10(Math.abs(value))), 0), 20);
  return value.toLocaleString("en", { minimumFractionDigits: decimals, maximumFractionDigits: decimals });
}
function amount(value) {
  if (value === null || !Number.isFinite(value)) return MISSING;
  if (value > 0 && value < 0.005) return "< 0.01";
  const decimals = value > 0 && value < 99.995 ? 2 : 0;
  return value.toLocaleString("en", { minimumFractionDigits: decimals, maximumFractionDigits: decimals });
}
const count = (value) => (value === null ? MISSING : value.toLocaleString("en", { maximumFractionDigits: 0 }));
const plain = (value) => value.toLocaleString("en", { maximumSignificantDigits: 6 });
const sum = (value) => value.toLocaleString("en", { minimumFractionDigits: value < 10 ? 2 : 0, maximumFractionDigits: 4 });

// --- charts --------------------------------------------------------------------------------------
const config = read(byId("config"));
const drawn = new Map(); // element -> promise of its view

function draw(element) {
  if (!drawn.has(element)) {
    const options = { mode: "vega-lite", renderer: "svg", ast: true, actions: false, defaultStyle: false, config };
    const view = vegaEmbed(element, read(element.nextElementSibling), options).then((embedded) => {
      for (const child of element.children) child.setAttribute("aria-hidden", "true"); // the figure's caption names it
      return embedded.view;
    });
    drawn.set(element, view);
    view.catch((error) => console.error(`${element.id}: ${error.message}`));
  }
  return drawn.get(element);
}

const charts = [...document.querySelectorAll(".chart")];
const near = new IntersectionObserver((seen) => {
  for (const { isIntersecting, target } of seen) if (isIntersecting) draw(target);
}, { rootMargin: "600px" });
charts.forEach((chart) => near.observe(chart));

// The other charts are drawn while the browser is idle, so that printing shows them. Folded charts wait.
const idle = window.requestIdleCallback ?? ((work) => setTimeout(work, 50));
function drawRest() {
  const next = charts.find((chart) => !drawn.has(chart) && chart.clientWidth > 0);
  if (next) draw(next).finally(() => idle(drawRest));
  else document.documentElement.dataset.drawn = "yes";
}
idle(drawRest);

// --- money/month.py ------------------------------------------------------------------------------
const machineSeconds = (work, terms) => work.seconds + work.llm_seconds * terms.llm_factor;

function tokenPrice(work, terms) {
  if (Object.keys(work.tokens).length === 0) return 0;
  const price = work.tokens[terms.billing];
  return price === null ? null : price * terms.llm_factor;
}
const perSecond = (terms) => terms.hourly_price / 3600 / terms.utilisation;

function machines(work, terms, hours) {
  const needed = ((terms.texts / 1000) * machineSeconds(work, terms)) / 3600;
  return Math.ceil(needed / (hours * terms.utilisation));
}

function month(work, terms, hours) {
  const tokens = tokenPrice(work, terms);
  if (tokens === null) return null;
  const second = perSecond(terms);
  const machine = terms.always_on
    ? machines(work, terms, hours) * hours * terms.hourly_price
    : (terms.texts / 1000) * machineSeconds(work, terms) * second;
  const parts = {
    machine,
    tokens: (terms.texts / 1000) * tokens,
    training: (work.train_seconds * second) / terms.months,
    labels: (work.labels * terms.label_price) / terms.months,
  };
  const once = parts.training + parts.labels;
  return { ...parts, once, total: machine + parts.tokens + once };
}

function capacity(work, terms, hours) {
  const seconds = machineSeconds(work, terms);
  return terms.always_on && seconds ? ((hours * terms.utilisation * 3600) / seconds) * 1000 : Infinity;
}

function line(work, terms, hours) {
  const tokens = tokenPrice(work, terms);
  if (tokens === null) return null;
  const second = perSecond(terms);
  const seconds = machineSeconds(work, terms);
  const once = (work.train_seconds * second + work.labels * terms.label_price) / terms.months;
  if (terms.always_on) return [once + (seconds ? hours * terms.hourly_price : 0), tokens / 1000];
  return [once, (seconds * second + tokens) / 1000];
}

// Costs are computed from seconds, so the last bits of two equal costs may differ.
const apart = (a, b) => (Math.abs(a - b) <= 1e-9 * Math.max(Math.abs(a), Math.abs(b)) ? 0 : a - b);

function crossing(a, b) {
  const fixed = apart(a[0], b[0]);
  const perText = apart(b[1], a[1]);
  return fixed * perText > 0 ? fixed / perText : null;
}

function flipPrice(small, large, terms, hours) {
  const mine = month(small, terms, hours);
  if (mine === null) return null;
  const once = (large.train_seconds * perSecond(terms) + large.labels * terms.label_price) / terms.months;
  const price = (mine.total - once) / (terms.texts / 1000);
  return price > 0 ? price : null;
}

// --- your own numbers ----------------------------------------------------------------------------
function row(cells, best) {
  const tr = document.createElement("tr");
  if (best) tr.className = "best";
  cells.forEach(({ text, value, words, mark }, i) => {
    const cell = tr.appendChild(document.createElement(i ? "td" : "th"));
    if (!i) cell.scope = "row";
    if (words) cell.className = "words";
    cell.textContent = text;
    if (value !== undefined) cell.dataset.value = value;
    if (mark) {
      const note = cell.appendChild(document.createElement("span"));
      note.className = "mark";
      note.textContent = mark;
    }
  });
  return tr;
}
const fill = (id, rows) => byId(id).tBodies[0].replaceChildren(...rows);
const figure = (value) => ({ text: amount(value), value: value ?? "" });
const perMillion = (value) => (value === null ? null : 1000 * value); // from the cost of 1,000 texts

function evenWords(names, works, terms, hours) {
  const [first, second] = works;
  const lines = works.map((work) => work && line(work, terms, hours));
  if (!lines[0] || !lines[1]) return { texts: null, words: "a price is not known" };
  const [a, b] = lines;
  const [fixed, perText] = [apart(a[0], b[0]), apart(a[1], b[1])];
  if (!fixed && !perText) return { texts: null, words: "both cost the same" };
  const texts = crossing(a, b);
  const most = Math.min(capacity(first, terms, hours), capacity(second, terms, hours));
  const firstBelow = fixed < 0 || (!fixed && perText < 0);
  const [below, above] = firstBelow ? names : [...names].reverse();
  if (texts === null || texts > most) {
    const until = Number.isFinite(most) ? ` up to ${count(most)}, where one machine is no longer enough` : "";
    return { texts: null, words: `${below} is cheaper at any number${until}` };
  }
  return { texts, words: `${below} is cheaper below, ${above} above` };
}

function setUp(payload) {
  const { currency, hours } = payload;
  const form = byId("terms");
  const [dataset, first, second, billing] = ["dataset", "first", "second", "billing"].map(byId);
  const money = (value) => `${value > 0 && value < 0.005 ? "less than " : ""}${currency} ${amount(value).replace("< ", "")}`;

  function terms() {
    const chosen = { ...payload.terms, billing: billing.value, always_on: form.elements.always_on.value === "1" };
    for (const input of form.querySelectorAll("input[type=range]")) chosen[input.dataset.key] = at(input);
    return chosen;
  }

  function choosePair() {
    const { pair, works, titles } = payload.datasets[dataset.value];
    [first, second].forEach((select, i) => {
      const options = Object.keys(works).map((name) => new Option(titles[name], name, false, !!pair && name === pair[i]));
      select.replaceChildren(...options);
    });
  }

  function showMonths(works, titles, now) {
    const months = Object.entries(works).map(([name, work]) => [name, work && month(work, now, hours)]);
    months.sort(([, a], [, b]) => (a?.total ?? Infinity) - (b?.total ?? Infinity));
    fill("months", months.map(([name, costs], i) => {
      const best = i === 0 && costs !== null;
      const mark = best ? "cheapest" : costs === null ? "no such price, or not measured" : "";
      const keys = ["machine", "tokens", "training", "labels", "total"];
      const cells = keys.map((key) => figure(costs ? costs[key] : null));
      return row([{ text: titles[name], mark }, ...cells, figure(costs && costs.total / (now.texts / 1e6))], best);
    }));
    const [name, costs] = months[0] ?? [];
    byId("cheapest").textContent = costs
      ? `${titles[name]} is cheapest: ${money(costs.total)} per month for ${count(now.texts)} texts.`
      : "No contestant's cost is known at these terms.";
  }

  function showPair(works, titles, now) {
    const [a, b] = [works[first.value], works[second.value]];
    const names = [titles[first.value], titles[second.value]];
    const even = evenWords(names, [a, b], now, hours);
    byId("even").textContent = `Break-even${even.texts === null ? "" : ` at ${count(even.texts)} texts per month`}: ${even.words}.`;
    byId("even").dataset.value = even.texts ?? "";
    const flip = a && b ? perMillion(flipPrice(a, b, now, hours)) : null;
    const paid = b && month(b, now, hours);
    const price = paid ? (paid.total - paid.once) / (now.texts / 1e6) : null;
    byId("flip").textContent = flip === null
      ? a && b && month(a, now, hours)
        ? `${names[1]} is cheaper at no price, even if its prediction were free.`
        : `Below which price ${names[1]} is cheaper is not known.`
      : `${names[1]} is cheaper below ${money(flip)} per million texts${price === null ? "" : `; now it costs ${money(price)}`}.`;
    byId("flip").dataset.value = flip ?? "";
    for (const [i, kind] of ["first", "second"].entries()) {
      document.querySelectorAll(`.${kind}-name`).forEach((element) => { element.textContent = names[i]; });
    }
    showSurface(a, b, now);
  }

  function showSurface(a, b, now) {
    const cells = payload.utilisations.flatMap((utilisation) => payload.volumes.map((texts) => {
      const here = { ...now, texts, utilisation };
      const [mine, other] = [a, b].map((work) => work && month(work, here, hours));
      const ratio = mine?.total > 0 && other?.total > 0 ? other.total / mine.total : null;
      return { texts, utilisation, ratio, flip: a && b ? perMillion(flipPrice(a, b, here, hours)) : null };
    }));
    draw(byId("chart-surface")).then((view) => view.data("cells", cells).runAsync());
    fill("cells", payload.utilisations.map((utilisation) => row([
      { text: `${Math.round(100 * utilisation)}%` },
      ...cells.filter((cell) => cell.utilisation === utilisation)
        .map(({ ratio, flip }) => ({ text: `${significant(ratio)} (${amount(flip)})`, value: ratio ?? "" })),
    ])));
  }

  function show() {
    const { works, titles } = payload.datasets[dataset.value];
    const now = terms();
    showMonths(works, titles, now);
    const names = Object.keys(works);
    fill("evens", names.flatMap((a, i) => names.slice(i + 1).map((b) => {
      const { texts, words } = evenWords([titles[a], titles[b]], [works[a], works[b]], now, hours);
      return row([{ text: titles[a] }, { text: titles[b], words: true }, { text: count(texts), value: texts ?? "" }, { text: words, words: true }]);
    })));
    showPair(works, titles, now);
  }

  dataset.addEventListener("change", () => { choosePair(); show(); });
  form.addEventListener("input", (event) => { if (event.target !== dataset) show(); });
  form.addEventListener("reset", () => setTimeout(() => { labelSliders(); choosePair(); show(); }));
  choosePair();
  show();
}

// --- sliders -------------------------------------------------------------------------------------
const at = (input) => JSON.parse(input.dataset.stops)[input.value];
const sliders = [...document.querySelectorAll("input[type=range]")];

function labelSliders() {
  for (const input of sliders) {
    const { unit } = input.dataset;
    const value = at(input);
    const text = { "%": `${plain(100 * value)}%`, "×": `×${plain(value)}`, "": plain(value) }[unit] ?? `${unit} ${sum(value)}`;
    byId(`${input.id}-value`).textContent = text;
    input.setAttribute("aria-valuetext", text);
  }
}

function showClaim() {
  const [price, hourly, tokens] = ["llm_per_million", "hourly_price", "tokens_per_second"].map((key) => at(byId(`claim-${key}`)));
  const own = (hourly / 3600 / tokens) * 1e6;
  byId("claim-large").textContent = significant(price);
  byId("claim-small").textContent = significant(own);
  byId("claim-ratio").textContent = significant(price / own);
  byId("claim-ratio").dataset.value = price / own;
}

sliders.forEach((input) => input.addEventListener("input", labelSliders));
sliders.filter((input) => input.dataset.group === "claim").forEach((input) => input.addEventListener("input", showClaim));
document.querySelectorAll("form").forEach((form) => form.addEventListener("submit", (event) => event.preventDefault()));
labelSliders();
document.querySelectorAll(".numbers, .sliders").forEach((element) => { element.hidden = false; });
showClaim();
if (byId("payload")) {
  byId("still").hidden = true;
  setUp(read(byId("payload")));
}
})();
