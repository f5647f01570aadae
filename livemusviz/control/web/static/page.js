// The phone page. It builds itself from the registry the show sends, and shows what the show says, not what was pressed.
"use strict";

const byId = (id) => document.getElementById(id);
const HOLD = 600; // ms after a touch during which the show does not move a fader under the finger
const ELSEWHERE = new Set(["/fade", "/cue/number", "/hud", "/blackout", "/freeze", "/bpm", "/sensitivity"]);
const unused = new Set(); // names of parameters that move nothing in the loaded model
const params = new Map(); // address -> description
const values = new Map(); // address -> arguments
const held = new Map(); // address -> when it was last touched here
let socket = null;
let phase = 0, bpm = 0, heardAt = 0, errorTimer = 0;

function send(address, ...to) {
  if (socket && socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify({ set: address, to }));
}

function connect() {
  const scheme = location.protocol === "https:" ? "wss" : "ws";
  socket = new WebSocket(`${scheme}://${location.host}/ws?token=${encodeURIComponent(document.body.dataset.token)}`);
  socket.binaryType = "blob";
  socket.onopen = () => socket.send(JSON.stringify({ preview: !document.hidden }));
  socket.onmessage = (event) => (typeof event.data === "string" ? hear(JSON.parse(event.data)) : look(event.data));
  socket.onclose = () => {
    byId("engine").textContent = "no connection, trying again";
    setTimeout(connect, 1000);
  };
}

function hear(news) {
  if (news.params) build(news.params);
  if (news.presets) chips(byId("presets"), news.presets, (name) => send("/preset", name));
  for (const list of ["inputs", "models"]) {
    if (news[list]) byId(list).replaceChildren(...news[list].map((name) => new Option(name, name)));
  }
  if (news.unknown) byId("unknown").textContent = news.unknown.length ? `the model does not know: ${news.unknown.join(", ")}` : "";
  if (news.unused) hide(news.unused);
  if (news.outs) outputs(news.outs);
  if (news.values) for (const [address, value] of Object.entries(news.values)) show(address, value);
  if (news.now) meters(news.now);
  if (news.error) complain(news.error);
}

function look(blob) {
  const image = byId("preview"), old = image.src;
  image.src = URL.createObjectURL(blob);
  if (old.startsWith("blob:")) URL.revokeObjectURL(old);
}

function complain(text) {
  byId("error").textContent = text;
  byId("error").hidden = false;
  clearTimeout(errorTimer);
  errorTimer = setTimeout(() => (byId("error").hidden = true), 6000);
}

function build(list) {
  params.clear();
  for (const param of list) params.set(param.address, param);
  for (const select of document.querySelectorAll("select[data-address]")) {
    select.replaceChildren(...params.get(select.dataset.address).choices.map((choice) => new Option(choice, choice)));
  }
  const wanted = list.filter((p) => ["float", "int", "bool"].includes(p.kind) && !ELSEWHERE.has(p.address) && p.name !== "seed" && !p.name.startsWith("out/"));
  const groups = new Map(); // "" and one for each shader
  for (const param of wanted) {
    const [first, shader] = param.address.slice(1).split("/");
    const group = first === "fx" ? shader : "";
    groups.set(group, [...(groups.get(group) || []), param]);
  }
  byId("faders").replaceChildren(...(groups.get("") || []).map(knob), ...[...groups].filter(([name]) => name).map(effect));
}

// Each output of the canvas: its switch, its state, and the last error while it lasts.
function outputs(list) {
  byId("outs-section").hidden = !list.length;
  byId("outs").replaceChildren(
    ...list.map((out) => {
      const row = document.createElement("p"), button = document.createElement("button"), text = document.createElement("span");
      row.className = "row";
      button.dataset.switch = `/out/${out.name}`;
      button.textContent = out.name;
      button.classList.toggle("on", (values.get(`/out/${out.name}`) || [0])[0] === 1);
      text.className = "dim";
      text.textContent = [out.state, out.state === "waiting" ? out.message : out.target].filter(Boolean).join("  ");
      row.append(button, text);
      return row;
    }),
  );
}

function hide(names) {
  unused.clear();
  for (const name of names) unused.add(name);
  for (const box of document.querySelectorAll("[data-name]")) box.hidden = unused.has(box.dataset.name);
}

// "/tempo/beats_per_bar" as "Tempo beats per bar"; a shader's input without the shader's name.
function readable(address) {
  const words = address.replace(/^\/(fx\/[^/]+\/)?/, "").replace(/[/_]+/g, " ").trim();
  return words.charAt(0).toUpperCase() + words.slice(1);
}

function effect([name, members]) {
  const box = document.createElement("details"), title = document.createElement("summary");
  title.textContent = readable(name);
  box.append(title, ...members.map(knob));
  return box;
}

function knob(param) {
  if (param.kind !== "bool") return fader(param);
  const button = document.createElement("button");
  button.dataset.switch = param.address;
  button.dataset.name = param.name;
  button.textContent = param.title || readable(param.address);
  button.title = param.doc;
  button.hidden = unused.has(param.name);
  return button;
}

function fader(param) {
  const box = document.createElement("label"), line = document.createElement("span");
  const name = document.createElement("span"), output = document.createElement("output"), input = document.createElement("input");
  const hint = document.createElement("small");
  box.className = "fader";
  box.dataset.name = param.name;
  box.hidden = unused.has(param.name);
  box.title = param.address;
  name.textContent = (param.title || readable(param.address)) + (param.unit ? ` (${param.unit})` : "");
  hint.textContent = param.hint;
  line.append(name, output);
  input.type = "range";
  input.min = param.min;
  input.max = param.max;
  input.step = param.kind === "int" ? 1 : (param.max - param.min) / 500;
  input.dataset.address = param.address;
  box.append(line, hint, input);
  return box;
}

function show(address, value) {
  values.set(address, value);
  if (Date.now() - (held.get(address) || 0) < HOLD) return;
  for (const control of document.querySelectorAll(`[data-address="${address}"]`)) {
    control.value = value[0];
    const output = control.closest("label").querySelector("output");
    if (output) output.textContent = typeof value[0] === "number" ? Number(value[0].toPrecision(4)) : "";
  }
  for (const button of document.querySelectorAll(`[data-switch="${address}"]`)) button.classList.toggle("on", value[0] === 1);
  for (const text of ["input", "model", "prompt"]) {
    if (address === `/${text}` && document.activeElement !== byId(text)) byId(text).value = value[0];
  }
  if (address === "/preset") mark(byId("presets"), (chip) => chip.textContent === value[0]);
  if (address === "/cue/list") {
    chips(byId("cues"), JSON.parse(value[0]).map((cue) => cue[0]), (text, i) => send("/cue/number", i + 1));
    show("/cue/number", values.get("/cue/number") || [0]);
  }
  if (address === "/cue/number") mark(byId("cues"), (chip, i) => i + 1 === value[0]);
}

function chips(box, names, press) {
  box.replaceChildren(
    ...names.map((name, i) => {
      const chip = document.createElement("button");
      chip.textContent = name;
      chip.onclick = () => press(name, i);
      return chip;
    }),
  );
  if (box.id === "presets" && values.has("/preset")) show("/preset", values.get("/preset"));
}

function mark(box, isOn) {
  [...box.children].forEach((chip, i) => chip.classList.toggle("on", isOn(chip, i)));
}

function meters(now) {
  for (const name of ["level", "bass", "mid", "treble"]) bar(name, now[name] / 2);
  bar("onset", now.onset);
  byId("novelty").style.transform = `scaleX(${along(now.novelty)})`;
  byId("threshold").style.left = `${100 * along(now.threshold)}%`;
  byId("tempo").textContent = now.bpm ? `${now.bpm.toFixed(1)} bpm` : "--";
  byId("engine").textContent = `${now.source}  ${now.engine}  ${now.fps.toFixed(0)} fps`;
  byId("drawing").textContent = now.model;
  byId("waiting").textContent = now.waiting.length ? `waiting: ${now.waiting.join(", ")}` : "";
  const on = now.recording !== null;
  byId("record").classList.toggle("on", on);
  byId("record").textContent = on ? "Stop" : "Record";
  byId("recording").textContent = on ? `rec ${Math.floor(now.recording)} s` : "";
  byId("recording").classList.toggle("on", on);
  phase = now.phase;
  bpm = now.bpm;
  heardAt = performance.now();
}

function bar(name, fraction) {
  byId(`m-${name}`).style.transform = `scaleY(${Math.min(1, Math.max(0, fraction || 0))})`;
}

// Place of an onset curve's value on its bar, 0..1: a scale of octaves from 1/8 to 8.
function along(value) {
  return Math.min(1, Math.max(0, (Math.log2(Math.max(value, 1e-3)) + 3) / 6));
}

function lamp() {
  const at = (phase + ((performance.now() - heardAt) / 60000) * bpm) % 1;
  byId("lamp").style.opacity = bpm ? 0.15 + 0.85 * (1 - at) ** 3 : 0.15;
  requestAnimationFrame(lamp);
}

document.addEventListener("input", (event) => {
  const address = event.target.dataset.address;
  if (!address || event.target.type !== "range") return;
  const value = Number(event.target.value), output = event.target.closest("label").querySelector("output");
  held.set(address, Date.now());
  if (output) output.textContent = Number(value.toPrecision(4));
  send(address, value);
});
document.addEventListener("change", (event) => {
  if (event.target.tagName === "SELECT") send(event.target.dataset.address, event.target.value);
});
document.addEventListener("pointerdown", (event) => {
  const button = event.target.closest("button");
  if (button && button.dataset.action) send(button.dataset.action); // on touch, not on release: taps are timed
});
document.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  const address = button.dataset.switch;
  if (address) send(address, (values.get(address) || [0])[0] ? 0 : 1);
  if (button.id === "record") send(button.classList.contains("on") ? "/record/stop" : "/record/start");
  if (button.id === "cue-add") {
    const cues = JSON.parse((values.get("/cue/list") || ["[]"])[0]), text = byId("prompt").value.trim();
    if (text) send("/cue/list", JSON.stringify([...cues, text]));
  }
});
byId("prompt-form").addEventListener("submit", (event) => {
  event.preventDefault();
  const text = byId("prompt").value.trim();
  if (text) send("/prompt", text);
  byId("prompt").blur();
});
for (const text of ["input", "model"]) {
  byId(`${text}-form`).addEventListener("submit", (event) => {
    event.preventDefault();
    send(`/${text}`, byId(text).value.trim());
    byId(text).blur();
  });
}
byId("prompt").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && !event.shiftKey) {
    event.preventDefault();
    byId("prompt-form").requestSubmit();
  }
});
document.addEventListener("visibilitychange", () => {
  if (socket && socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify({ preview: !document.hidden }));
});

connect();
requestAnimationFrame(lamp);
