namespace Kalshi.Daemon.Simulation;

internal static class SimulateCommand
{
    public static readonly CommandOption[] Options = [];

    public static Task<int> RunAsync(CommandLine line) => throw new NotImplementedException();
}
