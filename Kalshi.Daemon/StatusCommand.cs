namespace Kalshi.Daemon;

internal static class StatusCommand
{
    public static readonly CommandOption[] Options = [];

    public static Task<int> RunAsync(CommandLine line) => throw new NotImplementedException();
}
