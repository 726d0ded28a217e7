/** The pages that click-pretty makes when it is given no template. */

const ENTRY = `<p class="ei"><b><~name></b> :: <~type link> - <~configlink sep=", "><a href="#et-<~name>"><i>table</i></a></p>`;
const TYPE_ENTRY = `<p class="eit"><b><~type link></b> (type)<br><i>see</i> <~typerefs sep=", "></p>`;

const index = (column: string) => `<td><~elements
  entry='${ENTRY}'
  typeentry='${TYPE_ENTRY}'
  typeref='<~name>'
  configlink='<i>config</i>'
  column='${column}' /--></td>`;

const portRow = (side: string, arrow: string, connections: string) =>
  `<tr><td>${side}</td><td class="port"><~port></td><td>(<~processing>)</td><td>${arrow}</td><td><~${connections} sep=", "></td></tr>`;

const tables = (column: string) => `<td><~elements
  entry='<p class="et"><a name="et-<~name>"><b><~name></b></a> :: <~type link> <~configlink></p>
    <table class="conntable"><~inputs><~outputs></table>
'
  configlink='<small>(<i>config</i>)</small>'
  inputentry='${portRow('input', '&lt;-', 'inputconnections')}'
  noinputentry='<tr><td colspan="5">no inputs</td></tr>'
  outputentry='${portRow('output', '-&gt;', 'outputconnections')}'
  nooutputentry='<tr><td colspan="5">no outputs</td></tr>'
  inputconnection='<a href="#et-<~name>"><~name></a>&nbsp;[<~port>]'
  outputconnection='[<~port>]&nbsp;<a href="#et-<~name>"><~name></a>'
  noinputconnection='not connected'
  nooutputconnection='not connected'
  column='${column}' /--></td>`;

export const HTML_TEMPLATE = `<!DOCTYPE html>
<html><head>
<meta charset="utf-8">
<title>Configuration</title>
<style>
.c-kw { font-weight: bold }
.c-cd { font-style: italic }
.c-cfg { color: green }
.c-cmt { color: gray }
.c-err { color: red; font-weight: bold }
.ei, .eit { margin: 0 0 0 2em; text-indent: -2em; font-family: sans-serif }
.et { margin: 0.6em 0 0; font-family: sans-serif }
.conntable { margin-left: 2em; font: small sans-serif }
.port { text-align: right }
td { vertical-align: top }
</style>
</head><body>
<h1>Configuration</h1>
<~config>
<h1><a name='index'>Element index</a></h1>
<table><tr>
${index('1/2')}
${index('2/2')}
</tr></table>
<h1><a name='tables'>Element tables</a></h1>
<table><tr>
${tables('1/2')}
${tables('2/2')}
</tr></table>
</body></html>
`;

export const GRAPH_TEMPLATE = `<~if test="<~anonymous>" then="<~type>" else="<~name> :: <~type>">`;
