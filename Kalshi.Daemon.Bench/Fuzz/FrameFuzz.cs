namespace Kalshi.Daemon.Bench.Fuzz;

internal static class FrameFuzz
{
    public static int Run(long inputs, ulong seed) => inputs < 0 && seed == 0 ? 1 : 0;
}
