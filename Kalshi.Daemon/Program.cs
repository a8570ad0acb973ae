using Kalshi.Daemon;
using Kalshi.Daemon.Primitives;

return await Modes.RunAsync(args);

/// <summary>Mode → command → exit code.</summary>
internal static class Modes
{
    private static readonly Mode[] All =
    [
        new("gather", "capture every order-book change and trade into the journal", Gather.Options, Gather.RunAsync),
        new("export", "turn the journal into Parquet files", Kalshi.Daemon.Export.ExportCommand.Options, Kalshi.Daemon.Export.ExportCommand.RunAsync),
        new("simulate", "run a Kalshi on loopback, from a seed or from recordings", Kalshi.Daemon.Simulation.SimulateCommand.Options, Kalshi.Daemon.Simulation.SimulateCommand.RunAsync),
        new("verify", "prove that a store holds everything, once, in order", Kalshi.Daemon.Verify.VerifyCommand.Options, Kalshi.Daemon.Verify.VerifyCommand.RunAsync),
        new("book", "rebuild one market's order book at an instant", Kalshi.Daemon.Verify.BookCommand.Options, Kalshi.Daemon.Verify.BookCommand.RunAsync),
        new("check", "test configuration, keys, clock, network and disk", CheckCommand.Options, CheckCommand.RunAsync),
        new("status", "what the running gatherer reports", StatusCommand.Options, StatusCommand.RunAsync),
        new("journal", "inspect | repair: list segments, ranges and damage", JournalCommand.Options, JournalCommand.RunAsync),
        new("version", "the version", [], _ => Task.FromResult(PrintVersion())),
    ];

    public static async Task<int> RunAsync(string[] args)
    {
        try
        {
            if (args is [] or ["--help"] or ["-h"] or ["help"])
            {
                PrintUsage();
                return args.Length == 0 ? ExitCode.Usage : ExitCode.Ok;
            }

            var mode = Array.Find(All, mode => mode.Name == args[0])
                ?? throw new SetupException(ExitCode.Usage, $"There is no mode \"{args[0]}\"{Spelling.DidYouMean(args[0], All.Select(m => m.Name))}; see kalshid --help.");
            var line = CommandLine.Parse(mode.Name, args.AsSpan(1), mode.Options);
            if (line.Has("help"))
            {
                PrintHelp(mode);
                return ExitCode.Ok;
            }

            return await mode.Run(line);
        }
        catch (SetupException e)
        {
            Console.Error.WriteLine($"kalshid: {e.Message}");
            return e.ExitCode;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            Console.Error.WriteLine($"kalshid: {e.Message}");
            return ExitCode.InputOutput;
        }
    }

    private static int PrintVersion()
    {
        Console.WriteLine($"kalshid {VersionText}");
        return ExitCode.Ok;
    }

    public static string VersionText => typeof(Modes).Assembly.GetName().Version!.ToString(3);

    private static void PrintUsage()
    {
        Console.WriteLine("usage: kalshid MODE [--config FILE] [--set section.key=value]... [mode options]");
        Console.WriteLine();
        foreach (var mode in All)
        {
            Console.WriteLine($"  {mode.Name,-10} {mode.Summary}");
        }

        Console.WriteLine();
        Console.WriteLine("kalshid MODE --help lists a mode's options.");
    }

    private static void PrintHelp(Mode mode)
    {
        Console.WriteLine($"kalshid {mode.Name}: {mode.Summary}");
        Console.WriteLine();
        foreach (var option in mode.Options.Concat(CommandLine.Common))
        {
            Console.WriteLine($"  {$"--{option.Name} {option.Value}",-30} {option.Help}");
        }
    }

    private sealed record Mode(string Name, string Summary, CommandOption[] Options, Func<CommandLine, Task<int>> Run);
}
