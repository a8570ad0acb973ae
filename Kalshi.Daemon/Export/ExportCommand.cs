namespace Kalshi.Daemon.Export;

internal static class ExportCommand
{
    public static readonly CommandOption[] Options = [];

    public static Task<int> RunAsync(CommandLine line) => throw new NotImplementedException();
}
