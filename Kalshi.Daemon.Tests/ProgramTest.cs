using System.Text.Json;
using Kalshi.Daemon.Primitives;
using Kalshi.Daemon.Tests.EndToEnd;
using NUnit.Framework;

namespace Kalshi.Daemon.Tests;

/// <summary>The published binary's command line, as a user meets it.</summary>
internal sealed class ProgramTest
{
    private TemporaryFolder _folder = null!;

    [SetUp]
    public void SetUp() => _folder = new TemporaryFolder();

    [TearDown]
    public void TearDown() => _folder.Dispose();

    [TestCase("--help")]
    [TestCase("-h")]
    [TestCase("help")]
    public void Help_lists_every_mode(string argument)
    {
        var help = KalshidProcess.Run(argument);
        Assert.That((help.ExitCode, help.Error), Is.EqualTo((ExitCode.Ok, "")));
        foreach (var mode in Modes.All)
        {
            Assert.That(help.Output, Does.Contain($"\n  {mode.Name} ").And.Contain(mode.Summary));
        }
    }

    [TestCaseSource(nameof(ModeNames))]
    public void Help_of_a_mode_lists_every_option(string name)
    {
        var mode = Modes.All.Single(mode => mode.Name == name);
        foreach (var arguments in (string[][])[[name, "--help"], ["help", name]])
        {
            var help = KalshidProcess.Run(arguments);
            Assert.That((help.ExitCode, help.Error), Is.EqualTo((ExitCode.Ok, "")));
            Assert.That(mode.Options.Where(option => !help.Output.Contains($"\n  --{option.Name} ") || !help.Output.Contains(option.Help)), Is.Empty);
        }
    }

    [Test]
    public void No_arguments_is_a_question_answered_on_standard_error()
    {
        var nothing = KalshidProcess.Run([]);
        Assert.That((nothing.ExitCode, nothing.Output), Is.EqualTo((ExitCode.Usage, "")));
        Assert.That(nothing.Error, Does.StartWith("usage: kalshid MODE"));
    }

    [TestCase("version")]
    [TestCase("--version")]
    public void Version_is_that_of_the_build(string argument)
    {
        var version = KalshidProcess.Run(argument);
        Assert.That((version.ExitCode, version.Output), Is.EqualTo((ExitCode.Ok, $"kalshid {Modes.VersionText}\n")));
    }

    [TestCase(ExitCode.Usage, "There is no mode \"gathr\" (did you mean \"gather\"?); see kalshid --help.", "gathr")]
    [TestCase(ExitCode.Usage, "There is no mode \"--config\"; see kalshid --help.", "--config", "x", "gather")]
    [TestCase(ExitCode.Usage, "kalshid gather has no option --durtion (did you mean \"--duration\"?); see kalshid gather --help.", "gather", "--durtion", "5s")]
    [TestCase(ExitCode.Usage, "--duration needs a value: --duration T.", "gather", "--duration")]
    [TestCase(ExitCode.Usage, "kalshid gather: \"now\" is one argument too many; see kalshid gather --help.", "gather", "now")]
    [TestCase(ExitCode.Config, "--set gather.data_dri: section [gather] has no key \"data_dri\" (did you mean \"data_dir\"?).", "check", "--set", "gather.data_dri=x")]
    [TestCase(ExitCode.Config, "Cannot read the configuration file \"none.conf\": ", "gather", "--config", "none.conf")]
    [TestCase(ExitCode.Config, "exchange.key_id is empty: ", "gather")]
    [TestCase(ExitCode.Config, "exchange.key_file is empty: ", "gather", "--set", "exchange.key_id=a")]
    [TestCase(ExitCode.Config, "Cannot read exchange.key_file none.pem: ", "gather", "--set", "exchange.key_id=a", "--set", "exchange.key_file=none.pem")]
    [TestCase(ExitCode.Config, "dedup.lag_budget is 2 s, less than dedup.margin (10 s)", "dedup", "--set", "dedup.production_dsn=Host=p", "--set", "dedup.gatherer.a=Host=a", "--set", "dedup.lag_budget=2s")]
    [TestCase(ExitCode.Unavailable, "There is neither status.json nor dedup.json in data: ", "status")]
    public void What_cannot_work_is_one_sentence_and_an_exit_code(int exitCode, string sentence, params string[] arguments)
    {
        var refused = KalshidProcess.Run(new Dictionary<string, string>(), arguments, _folder.Path);
        var said = refused.Error.Split('\n', StringSplitOptions.RemoveEmptyEntries).LastOrDefault() ?? "";
        Assert.Multiple(() =>
        {
            Assert.That(refused.ExitCode, Is.EqualTo(exitCode));
            Assert.That(said, Does.StartWith("kalshid: " + sentence));
            Assert.That(refused.Output, Is.Empty);
            Assert.That(refused.Error, Does.Not.Contain("   at "), "a stack trace");
        });
    }

    [Test]
    public void A_bad_configuration_names_file_line_and_key()
    {
        var file = _folder.File("kalshid.conf");
        File.WriteAllText(file, "[gather]\nname = a\n\n[journal]\nsync_interval_ms = soon\n");
        var refused = KalshidProcess.Run("gather", "--config", file);
        Assert.That((refused.ExitCode, refused.Error), Is.EqualTo((ExitCode.Config,
            $"kalshid: {file} line 5: journal.sync_interval_ms = \"soon\": expected a whole number from 1 to 60000.\n")));
    }

    [Test]
    public void The_environment_is_read_with_its_own_name_in_the_message()
    {
        var refused = KalshidProcess.Run(new Dictionary<string, string> { ["KALSHID_JOURNAL__COMPRESS"] = "maybe" }, ["check"]);
        Assert.That((refused.ExitCode, refused.Error), Is.EqualTo((ExitCode.Config,
            "kalshid: environment variable KALSHID_JOURNAL__COMPRESS: journal.compress = \"maybe\": expected true or false.\n")));
    }

    [Test]
    public void A_key_file_that_holds_no_key_is_refused_and_not_repeated()
    {
        var file = _folder.File("key.pem");
        File.WriteAllText(file, "-----BEGIN PRIVATE KEY-----\nc2VjcmV0IHRleHQ=\n-----END PRIVATE KEY-----\n");
        var refused = KalshidProcess.Run("gather", "--set", "exchange.key_id=a", "--set", $"exchange.key_file={file}", "--set", $"gather.data_dir={_folder.File("data")}");
        Assert.That(refused.ExitCode, Is.EqualTo(ExitCode.Config));
        Assert.That(refused.Error, Does.Contain($"kalshid: {file} holds no usable private key").And.Not.Contain("c2VjcmV0"));
    }

    [Test]
    public void A_data_directory_that_cannot_be_made_is_an_input_output_error()
    {
        var file = _folder.File("file");
        File.WriteAllText(file, "");
        var refused = KalshidProcess.Run("gather", "--set", "exchange.key_id=a", "--set", "exchange.key_file=b", "--set", $"gather.data_dir={file}/data");
        Assert.That(refused.ExitCode, Is.EqualTo(ExitCode.InputOutput), refused.Error);
        Assert.That(refused.Error, Does.Contain(file).And.Not.Contain("   at "));
    }

    [Test]
    public void An_empty_journal_is_inspected_without_complaint()
    {
        Directory.CreateDirectory(_folder.File("data/journal"));
        var inspected = KalshidProcess.Run("journal", "inspect", "--json", "--data-dir", _folder.File("data"));
        Assert.That(inspected.ExitCode, Is.EqualTo(ExitCode.Ok), inspected.Error);
        using var json = JsonDocument.Parse(inspected.Output);
        Assert.That(json.RootElement.GetProperty("whole").GetBoolean());
    }

    private static IEnumerable<string> ModeNames() => Modes.All.Select(mode => mode.Name);
}
