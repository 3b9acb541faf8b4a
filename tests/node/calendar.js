// Reads an iCalendar from standard input with ical.js, strictly, and prints its events as JSON.
import { readFileSync } from "node:fs";
import ICAL from "ical.js";

const calendar = new ICAL.Component(ICAL.parse(readFileSync(0, "utf8")));
const events = calendar.getAllSubcomponents("vevent").map((component) => {
    const event = new ICAL.Event(component, { strictExceptions: true });
    return { uid: event.uid, summary: event.summary, start: event.startDate.toString(), timed: !event.startDate.isDate,
        sequence: event.sequence, description: event.description };
});
console.log(JSON.stringify({ name: calendar.getFirstPropertyValue("name"), events }));
