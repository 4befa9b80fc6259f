// Engram Streaming's monitoring mixin: import it and override _config, or use what ../render made of it.
(import 'config.libsonnet')
+ (import 'recording.libsonnet')
+ (import 'alerts.libsonnet')
+ (import 'dashboard.libsonnet')
