package io.engram.app.cli;

/** Where the log goes and how much of it; must be called before anything logs. */
public final class Logs {
    private Logs() {}

    /** For commands whose output is not the log: warnings only, on standard error. */
    public static void quiet() {
        System.setProperty("engram.log.target", "System.err");
        if (System.getenv("ENGRAM_LOG_LEVEL") == null) {
            System.setProperty("engram.log.level", "WARN");
        }
    }
}
