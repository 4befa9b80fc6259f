// Every expression that must have data: [{ what, expr }].
function(speed=1)
  local mixin = (import 'mixin.libsonnet') + { _config+:: { speed: speed } };
  [{ what: 'panel ' + q.panel, expr: q.expr } for q in mixin.dashboardQueries]
  + [{ what: 'rule ' + r.record, expr: r.expr } for g in mixin.recordingRules for r in g.rules]
  + [{ what: 'alert ' + a.alert, expr: a.value } for g in mixin.alertRules for a in g.rules]
