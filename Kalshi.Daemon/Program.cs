using Kalshi.Daemon;
using Kalshi.Daemon.Export;
using Kalshi.Daemon.Primitives;
using Kalshi.Daemon.Simulation;
using Kalshi.Daemon.Store;
using Kalshi.Daemon.Verify;

return await Modes.RunAsync(args);

/// <summary>Mode → command → exit code.</summary>
internal static class Modes
{
    public static readonly Mode[] All =
    [
        new("gather", "", "capture every order-book change and trade into the journal", Gather.Options, Gather.RunAsync),
        new("load", "[DIR]", "bring the database up to the journal's end, without capturing", LoadCommand.Options, LoadCommand.RunAsync),
        new("dedup", "", "merge several gatherers' databases into one production", DedupMode.Options, DedupMode.RunAsync),
        new("export", "", "turn the journal, the store or production into Parquet files", ExportCommand.Options, ExportCommand.RunAsync),
        new("simulate", "", "run a Kalshi on loopback, from a seed or from recordings", SimulateCommand.Options, SimulateCommand.RunAsync),
        new("verify", "[DIR]", "prove that a store holds everything, once, in order", VerifyCommand.Options, VerifyCommand.RunAsync),
        new("book", "TICKER [DIR]", "rebuild one market's order book at an instant", BookCommand.Options, BookCommand.RunAsync),
        new("check", "", "test configuration, keys, clock, network, disk and database", CheckCommand.Options, CheckCommand.RunAsync),
        new("status", "", "what the running gatherer reports", StatusCommand.Options, StatusCommand.RunAsync),
        new("journal", "inspect|repair", "list a journal's segments, ranges and damage", JournalCommand.Options, JournalCommand.RunAsync),
        new("version", "", "the version", [], _ => PrintVersion()),
    ];

    public static string VersionText => typeof(Modes).Assembly.GetName().Version!.ToString(3);

    public static async Task<int> RunAsync(string[] args)
    {
        try
        {
            return args switch
            {
                [] => PrintUsage(Console.Error, ExitCode.Usage),
                ["help" or "--help" or "-h"] => PrintUsage(Console.Out, ExitCode.Ok),
                ["help", var name, ..] => PrintHelp(Find(name)),
                ["--version"] => await PrintVersion(),
                _ => await RunAsync(Find(args[0]), args.AsMemory(1)),
            };
        }
        catch (SetupException e)
        {
            return Say(e.ExitCode, e.Message);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return Say(ExitCode.InputOutput, e.Message);
        }
        catch (Exception e)
        {
            return Say(ExitCode.Bug, $"this is a bug in kalshid {VersionText}; please report it with the text below. The journal holds what was captured up to here.\n{e}");
        }
    }

    private static async Task<int> RunAsync(Mode mode, ReadOnlyMemory<string> arguments)
    {
        var line = CommandLine.Parse(mode.Name, arguments.Span, mode.Options, mode.PositionalMax);
        return line.Has("help") ? PrintHelp(mode) : await mode.Run(line);
    }

    private static Mode Find(string name) => Array.Find(All, mode => mode.Name == name)
        ?? throw new SetupException(ExitCode.Usage, $"There is no mode \"{name}\"{Spelling.DidYouMean(name, All.Select(mode => mode.Name))}; see kalshid --help.");

    private static int Say(int exitCode, string message)
    {
        Console.Error.WriteLine($"kalshid: {message}");
        return exitCode;
    }

    private static Task<int> PrintVersion()
    {
        Console.WriteLine($"kalshid {VersionText}");
        return Task.FromResult(ExitCode.Ok);
    }

    private static int PrintUsage(TextWriter output, int exitCode)
    {
        output.WriteLine("usage: kalshid MODE [--config FILE] [--set section.key=value]... [mode options]");
        output.WriteLine();
        foreach (var mode in All)
        {
            output.WriteLine($"  {mode.Name,-10} {mode.Summary}");
        }

        output.WriteLine();
        output.WriteLine("kalshid MODE --help lists a mode's options. Settings: default < file < environment (KALSHID_SECTION__KEY) < --set.");
        output.WriteLine("Exit codes: 0 ok, 1 the answer is no, 64 usage, 69 unavailable, 70 bug, 74 input/output, 78 configuration.");
        return exitCode;
    }

    private static int PrintHelp(Mode mode)
    {
        Console.WriteLine($"usage: kalshid {mode.Name} {(mode.Positional.Length > 0 ? mode.Positional + " " : "")}[options]");
        Console.WriteLine($"{mode.Summary}");
        Console.WriteLine();
        foreach (var option in mode.Options.Concat(CommandLine.Common))
        {
            Console.WriteLine($"  {$"--{option.Name} {option.Value}",-28} {option.Help}");
        }

        return ExitCode.Ok;
    }
}

/// <summary>One verb of the command line. `Positional` names its bare arguments, separated by blanks; empty when it takes none.</summary>
internal sealed record Mode(string Name, string Positional, string Summary, CommandOption[] Options, Func<CommandLine, Task<int>> Run)
{
    public int PositionalMax => Positional.Length == 0 ? 0 : Positional.Split(' ').Length;
}
