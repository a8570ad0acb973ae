namespace Kalshi.Daemon.Bench.Fuzz;
internal static class FrameFuzz { public static int Run(long inputs, ulong seed) => 0; }
