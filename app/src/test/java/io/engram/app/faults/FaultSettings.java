package io.engram.app.faults;

/** The suite's two forms: short in every build, long with {@code -Pfaults}. */
final class FaultSettings {
    private FaultSettings() {}

    static boolean isLong() {
        return Boolean.getBoolean("engram.faults.long");
    }

    /** One value for the short form, another for the long. */
    static int scaled(int inShort, int inLong) {
        return isLong() ? inLong : inShort;
    }

    /** Prints a measured figure, so that a build's log holds it. */
    static void report(String format, Object... values) {
        System.out.println("[figures] " + String.format(java.util.Locale.ROOT, format, values));
    }
}
