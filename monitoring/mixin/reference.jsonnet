// docs/reference/alerts.md: every alert with its condition, from the rules themselves.
local mixin = import 'mixin.libsonnet';
local row(rule) = '| [%s](../operations/runbook.md#%s) | %s | %s | `%s` | %s |' % [
  rule.alert,
  std.asciiLower(rule.alert),
  rule.labels.severity,
  rule.labels.event,
  std.strReplace(rule.expr, '|', '\\|'),
  std.get(rule, 'for', '–'),
];
local section(title, groups) =
  ['## ' + title, '', '| alert | severity | event | condition | for |', '|---|---|---|---|---|']
  + [row(rule) for group in groups for rule in group.rules]
  + [''];
std.join('\n',
         ['# Alerts', '', 'Rendered by `monitoring/render` from `monitoring/mixin`.', '']
         + section('Everywhere', mixin.alertRules)
         + section('On Kubernetes, from cAdvisor\'s series', mixin.kubernetesRules)
         + ['## Recording rules', '', '| name | expression |', '|---|---|']
         + ['| `%s` | `%s` |' % [rule.record, std.strReplace(std.strReplace(std.stripChars(rule.expr, '\n'), '\n', ' '), '|', '\\|')] for group in mixin.recordingRules for rule in group.rules])
+ '\n'
