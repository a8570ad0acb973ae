namespace Kalshi.Daemon.Verify;

internal static class BookCommand
{
    public static readonly CommandOption[] Options = [];

    public static Task<int> RunAsync(CommandLine line) => throw new NotImplementedException();
}
