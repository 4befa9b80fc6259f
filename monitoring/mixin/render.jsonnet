// Files by name. `speed` shortens every duration, for a test that lives through an incident.
function(speed=1, runbook='')
  local mixin = (import 'mixin.libsonnet') + {
    _config+:: { speed: speed } + (if runbook == '' then {} else { runbook: runbook }),
  };
  local note = '# Rendered by monitoring/render from monitoring/mixin: change it there.\n';
  local yaml(groups) = note + std.manifestYamlDoc({ groups: groups }, quote_keys=false) + '\n';
  {
    'prometheus/rules/engram-recording.yml': yaml(mixin.recordingRules),
    'prometheus/rules/engram-alerts.yml': yaml(mixin.alertRules),
    'prometheus/rules/engram-kubernetes.yml': yaml(mixin.kubernetesRules),
    'kubernetes/prometheus-rule.yaml': note + std.manifestYamlDoc({
      apiVersion: 'monitoring.coreos.com/v1',
      kind: 'PrometheusRule',
      metadata: { name: 'engram-streaming' },
      spec: { groups: mixin.recordingRules + mixin.alertRules + mixin.kubernetesRules },
    }, quote_keys=false) + '\n',
    'grafana/dashboards/engram-streaming.json': std.manifestJsonEx(mixin.grafanaDashboard, '  ') + '\n',
  }
