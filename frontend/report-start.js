/** Which report the address means: one that a person made (`?own=`), or the published one. */

const own = new URLSearchParams(location.search).get("own");
void import(own === null ? "./report-page.js" : "./report-own-page.js");
