// Files by name. `speed` shortens every duration, for a test that lives through an incident.
function(speed=1, runbook='')
  local mixin = (import 'mixin.libsonnet') + {
    _config+:: { speed: speed } + (if runbook == '' then {} else { runbook: runbook }),
  };
  local note = '# Rendered by monitoring/render from monitoring/mixin: change it there.\n';
  // Each list of groups is written once, which takes most of the time: a resource of Kubernetes has the same, indented.
  local recording = std.manifestYamlDoc(mixin.recordingRules, quote_keys=false);
  local alerts = std.manifestYamlDoc(mixin.alertRules, quote_keys=false);
  local kubernetes = std.manifestYamlDoc(mixin.kubernetesRules, quote_keys=false);
  local rules(groups) = note + 'groups:\n' + groups + '\n';
  local indented(groups) = std.join('\n', ['  ' + line for line in std.split(groups, '\n')]) + '\n';
  {
    'prometheus/rules/engram-recording.yml': rules(recording),
    'prometheus/rules/engram-alerts.yml': rules(alerts),
    'prometheus/rules/engram-kubernetes.yml': rules(kubernetes),
    'kubernetes/prometheus-rule.yaml': note + std.manifestYamlDoc({
      apiVersion: 'monitoring.coreos.com/v1',
      kind: 'PrometheusRule',
      metadata: { name: 'engram-streaming' },
    }, quote_keys=false) + '\nspec:\n  groups:\n' + indented(recording) + indented(alerts) + indented(kubernetes),
    'grafana/dashboards/engram-streaming.json': std.manifestJsonEx(mixin.grafanaDashboard, '  ') + '\n',
  }
