namespace Kalshi.Daemon;

internal static class CheckCommand
{
    public static readonly CommandOption[] Options = [];

    public static Task<int> RunAsync(CommandLine line) => throw new NotImplementedException();
}
