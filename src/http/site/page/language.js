// The language of the page, and all that goes by it: texts, names, numbers, days and times.

import { TEXTS } from "./texts.js";

/** Languages, as they are called by those who speak them. */
export const LANGUAGES = { en: "English", zh: "中文" };

const places = { en: 0, zh: 1 };
const regions = { en: "en-GB", zh: "zh-CN" };
const REMEMBERED = "swabstream.language";

/** What is chosen, and the zone that times are shown in. */
const chosen = { language: "en", locale: "en-GB", zone: undefined };

// The address wins over what was chosen before, that over what the browser says.
function wanted() {
  const known = (tag) => Object.keys(LANGUAGES).find((language) => (tag ?? "").toLowerCase().split("-")[0] === language);
  let remembered = null;
  try {
    remembered = localStorage.getItem(REMEMBERED);
  } catch {
    // A browser that keeps nothing still shows the page.
  }
  const asked = new URLSearchParams(location.search).get("lang");
  return known(asked) ?? known(remembered) ?? navigator.languages.map(known).find(Boolean) ?? "en";
}

function use(language) {
  chosen.language = language;
  // The region of the browser where it speaks this language: days are written in many ways.
  chosen.locale = navigator.languages.find((tag) => tag.toLowerCase().split("-")[0] === language) ?? regions[language];
  document.documentElement.lang = language === "zh" ? "zh-CN" : "en";
  for (const node of document.querySelectorAll("[data-text]")) node.textContent = t(node.dataset.text);
  for (const node of document.querySelectorAll("[data-label-text]")) node.setAttribute("aria-label", t(node.dataset.labelText));
}

/** Takes up the language that is wanted, at the start. */
export const begin = () => use(wanted());

/** Changes the language, for now and for the next visit. */
export function choose(language) {
  const address = new URL(location.href);
  address.searchParams.set("lang", language);
  history.replaceState(null, "", address);
  try {
    localStorage.setItem(REMEMBERED, language);
  } catch {
    // The address remembers it, then.
  }
  use(language);
}

/** The language in use. */
export const language = () => chosen.language;

/** Times are shown in this zone from here on. */
export function tellTimesIn(zone) {
  chosen.zone = zone || undefined;
}

/** A text, with values in the places of their names. */
export function t(key, values = {}) {
  const texts = TEXTS[key];
  return texts[places[chosen.language]].replaceAll(/\{(\w+)\}/g, (_, name) => values[name]);
}

/** A word of the contract or of a policy; one that the table does not have, as it is. */
export function word(kind, text) {
  const key = `${kind}.${text}`;
  return TEXTS[key] ? t(key) : text.replaceAll("_", " ");
}

/** What a target is called: as the registry names it, where the page has no word for it. */
export function targetName({ id, name }) {
  const key = `target.${id}`;
  return TEXTS[key] ? t(key) : name;
}

const HAN = /[\u3400-\u9fff]+/;

/** What an area or a lab is called in the language in use, and in the other one. */
export function names({ name, name_zh: chinese = "" }) {
  const han = chinese || (name.match(HAN)?.[0] ?? "");
  // A name may be written in both scripts.
  const latin = name.replace(HAN, "").replace(/[()（）/·\s]+/g, " ").trim();
  const [main, other] = chosen.language === "zh" ? [han || name, latin] : [latin || name, han];
  return { main, other: other === main ? "" : other };
}

/** A number with thousands apart; a dash when there is none. */
export const count = (value) => (value === null || value === undefined ? t("none") : new Intl.NumberFormat(chosen.locale).format(value));

/** A number with so many digits behind the point. */
export function decimal(value, digits) {
  return new Intl.NumberFormat(chosen.locale, { minimumFractionDigits: digits, maximumFractionDigits: digits }).format(value);
}

/** A share as per cent with three digits that matter, two below one per cent. */
export function percent(share) {
  const digits = share === 0 ? {} : { minimumSignificantDigits: share < 0.01 ? 2 : 3, maximumSignificantDigits: share < 0.01 ? 2 : 3 };
  return new Intl.NumberFormat(chosen.locale, { style: "percent", ...digits }).format(share);
}

/** A share as per cent without zeros at its end, for axes and legends. */
export const shortPercent = (share) => new Intl.NumberFormat(chosen.locale, { style: "percent", maximumSignificantDigits: 3 }).format(share);

/** So many days, hours, …, in words. */
export const amount = (value, unit, display = "long") => new Intl.NumberFormat(chosen.locale, { style: "unit", unit, unitDisplay: display }).format(value);

const civil = (options) => (day) => new Intl.DateTimeFormat(chosen.locale, { ...options, timeZone: "UTC" }).format(new Date(`${day}T00:00:00Z`));

/** A civil day. */
export const day = civil({ year: "numeric", month: "short", day: "numeric" });

/** A civil day without its year, for axes. */
export const shortDay = civil({ month: "short", day: "numeric" });

/** A moment, in the deployment's zone. */
export function moment(at) {
  const options = { month: "short", day: "numeric", hour: "2-digit", minute: "2-digit", hourCycle: "h23", timeZone: chosen.zone };
  return new Intl.DateTimeFormat(chosen.locale, options).format(new Date(at));
}

/** A time that has passed, in its largest unit. */
export function passed(milliseconds) {
  const seconds = Math.max(0, Math.round(milliseconds / 1000));
  if (seconds < 60) return amount(seconds, "second", "short");
  if (seconds < 3600) return amount(Math.floor(seconds / 60), "minute", "short");
  if (seconds < 172800) return amount(Math.floor(seconds / 3600), "hour", "short");
  return amount(Math.floor(seconds / 86400), "day", "short");
}
