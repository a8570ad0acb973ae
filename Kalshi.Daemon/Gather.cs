namespace Kalshi.Daemon;

internal static class Gather
{
    public static readonly CommandOption[] Options = [];

    public static Task<int> RunAsync(CommandLine line) => throw new NotImplementedException();
}
