using Kalshi.Daemon.Primitives;
using NUnit.Framework;

namespace Kalshi.Daemon.Tests;

internal sealed class OptionsTest
{
    private TemporaryFolder _folder = null!;

    [SetUp]
    public void SetUp() => _folder = new TemporaryFolder();

    [TearDown]
    public void TearDown() => _folder.Dispose();

    [Test]
    public void Set_beats_environment_beats_file_beats_default()
    {
        var file = Write("[gather]\nname = file\ndata_dir = file\nconnections_max = 11\n");
        var options = Options.Load(file, [("KALSHID_GATHER__NAME", "env"), ("KALSHID_GATHER__DATA_DIR", "env"), ("PATH", "x")], ["gather.name=set"]);
        Assert.Multiple(() =>
        {
            Assert.That(options.Name, Is.EqualTo("set"));
            Assert.That(options.DataDir, Is.EqualTo("env"));
            Assert.That(options.ConnectionsMax, Is.EqualTo(11));
            Assert.That(options.MarketsPerConnection, Is.EqualTo(new Options().MarketsPerConnection));
            Assert.That(options.ConfigPath, Is.EqualTo(Path.GetFullPath(file)));
        });
    }

    [TestCase("name = a b", "a b")]
    [TestCase("name=a", "a")]
    [TestCase("  name\t=\ta  ", "a")]
    [TestCase("name = a # why", "a")]
    [TestCase("name = a#b", "a#b")]
    [TestCase("name = a;b ; c", "a;b ; c")]
    [TestCase("name = \"a # b\"", "a # b")]
    [TestCase("name = \" a \"   # why", " a ")]
    [TestCase("name = it's", "it's")]
    [TestCase("name = a\"b\"", "a\"b\"")]
    [TestCase("name = a=b", "a=b")]
    [TestCase("name = Zürich", "Zürich")]
    public void A_value_is_read_as_it_is_meant(string line, string value) =>
        Assert.That(Options.Load(Write($"[gather]\n{line}\n"), [], []).Name, Is.EqualTo(value));

    [Test]
    public void A_file_from_another_system_reads_the_same()
    {
        var file = _folder.File("kalshid.conf");
        File.WriteAllBytes(file, [.. "\uFEFF; saved elsewhere\r\n[ gather ] # here\r\n\r\nname = a\r\n[journal]\r\ncompress = false"u8]);
        var options = Options.Load(file, [], []);
        Assert.That((options.Name, options.Compress), Is.EqualTo(("a", false)));
    }

    [TestCase("export", "target", "")]
    [TestCase("exchange", "key_id", "")]
    public void Some_values_may_be_empty(string section, string key, string value) =>
        Assert.That(() => Options.Load(Write($"[{section}]\n{key} = {value}\n"), [], []), Throws.Nothing);

    // Each line of the file that is wrong, and the sentence an operator reads.
    [TestCase("[gather]\nnam = x", "line 2: section [gather] has no key \"nam\" (did you mean \"name\"?).")]
    [TestCase("[gather]\nName = x", "line 2: section [gather] has no key \"Name\" (did you mean \"name\"?).")]
    [TestCase("[gather]\nretention = 1d", "line 2: section [gather] has no key \"retention\" (it belongs to [journal]).")]
    [TestCase("[gahter]\nname = x", "line 1: there is no section [gahter] (did you mean \"gather\"?).")]
    [TestCase("[gahter]", "line 1: there is no section [gahter] (did you mean \"gather\"?).")]
    [TestCase("name = x", "line 1: the key \"name\" stands before any [section].")]
    [TestCase("[gather\nname = x", "line 1: expected \"[section]\", found \"[gather\".")]
    [TestCase("[gather]\nname", "line 2: expected \"key = value\", \"[section]\" or a comment.")]
    [TestCase("[gather]\n= x", "line 2: expected \"key = value\", \"[section]\" or a comment.")]
    [TestCase("[gather]\nname =", "line 2: gather.name = \"\": expected some text.")]
    [TestCase("[gather]\nname = # why", "line 2: gather.name = \"\": expected some text.")]
    [TestCase("[gather]\nname = \"x", "line 2: the quote is not closed.")]
    [TestCase("[gather]\nname = \"x\" y", "line 2: text after the closing quote.")]
    [TestCase("[gather]\nname = x\n\nname = y", "line 4: gather.name is there already, on line 2; keep one of them.")]
    [TestCase("[gather]\n[journal]\n[gather]", "line 3: section [gather] is there already, on line 1; keep one of them.")]
    [TestCase("[gather]\ninclude_combos = yes", "line 2: gather.include_combos = \"yes\": expected true or false.")]
    [TestCase("[gather]\nconnections_max = 3", "line 2: gather.connections_max = \"3\": expected a whole number from 4 to 10000.")]
    [TestCase("[gather]\nconnections_max = 1e3", "line 2: gather.connections_max = \"1e3\": expected a whole number from 4 to 10000.")]
    [TestCase("[gather]\nconnections_max =", "line 2: gather.connections_max = \"\": expected a whole number from 4 to 10000.")]
    [TestCase("[gather]\nregistry_sweep = 0", "line 2: gather.registry_sweep = \"0\": expected a duration such as 500ms, 60s or 7d, at least 1s, at most 7d.")]
    [TestCase("[gather]\nshutdown_limit = 2h", "line 2: gather.shutdown_limit = \"2h\": expected a duration such as 500ms, 60s or 7d, at most 1h.")]
    [TestCase("[journal]\nretention = 7", "line 2: journal.retention = \"7\": expected a duration such as 500ms, 60s or 7d.")]
    [TestCase("[journal]\nretention = NaNd", "line 2: journal.retention = \"NaNd\": expected a duration such as 500ms, 60s or 7d.")]
    [TestCase("[journal]\nretention = 99999999999d", "line 2: journal.retention = \"99999999999d\": expected a duration such as 500ms, 60s or 7d.")]
    [TestCase("[journal]\nsync_bytes = 0", "line 2: journal.sync_bytes = \"0\": expected a size of at least 1 bytes, such as 256MiB.")]
    [TestCase("[journal]\nsync_bytes = 4MB", "line 2: journal.sync_bytes = \"4MB\": expected a size of at least 1 bytes, such as 256MiB.")]
    [TestCase("[journal]\nsync_bytes = 99999999TiB", "line 2: journal.sync_bytes = \"99999999TiB\": expected a size of at least 1 bytes, such as 256MiB.")]
    [TestCase("[journal]\nsync_bytes = -1", "line 2: journal.sync_bytes = \"-1\": expected a size of at least 1 bytes, such as 256MiB.")]
    public void A_wrong_file_is_refused_by_line_and_key(string content, string sentence)
    {
        var file = Write(content + "\n");
        Assert.That(() => Options.Load(file, [], []), Refuses(ExitCode.Config, $"{file} {sentence}"));
    }

    [Test]
    public void A_missing_file_is_named()
    {
        var file = _folder.File("none.conf");
        Assert.That(() => Options.Load(file, [], []), Throws.TypeOf<SetupException>().With.Message.StartsWith($"Cannot read the configuration file \"{file}\":"));
        Assert.That(() => Options.Load("", [], []), Throws.TypeOf<SetupException>().With.Property("ExitCode").EqualTo(ExitCode.Config));
    }

    [Test]
    public void A_private_key_pasted_as_configuration_is_not_repeated()
    {
        var file = Write("-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIJsecretsecret=\n");
        Assert.That(() => Options.Load(file, [], []), Throws.TypeOf<SetupException>().With.Message.Not.Contain("BEGIN").And.Message.Not.Contain("secret"));
    }

    [TestCase("KALSHID_GATHER__NAM", "environment variable KALSHID_GATHER__NAM: section [gather] has no key \"nam\" (did you mean \"name\"?).")]
    [TestCase("KALSHID_GATHER_DATA_DIR", "environment variable KALSHID_GATHER_DATA_DIR: section and key are joined by two underscores: KALSHID_GATHER__DATA_DIR.")]
    public void A_wrong_environment_variable_is_refused(string name, string sentence) =>
        Assert.That(() => Options.Load(null, [(name, "x")], []), Refuses(ExitCode.Config, sentence));

    [TestCase("KALSHID_BINARY")]
    [TestCase("KALSHID_DEMO_DIR")]
    [TestCase("kalshid_gather__name")]
    public void Environment_variables_of_others_are_left_alone(string name) =>
        Assert.That(Options.Load(null, [(name, "x")], []).Effective(), Is.EqualTo(new Options().Effective()));

    [TestCase("gather.name", ExitCode.Usage, "--set gather.name: expected --set section.key=value.")]
    [TestCase("name=x", ExitCode.Usage, "--set name: expected --set section.key=value.")]
    [TestCase("=a.b", ExitCode.Usage, "--set : expected --set section.key=value.")]
    [TestCase("gather.nam=x", ExitCode.Config, "--set gather.nam: section [gather] has no key \"nam\" (did you mean \"name\"?).")]
    [TestCase("gather.connections_max=x", ExitCode.Config, "--set gather.connections_max: gather.connections_max = \"x\": expected a whole number from 4 to 10000.")]
    public void A_wrong_set_is_refused(string set, int exitCode, string sentence) =>
        Assert.That(() => Options.Load(null, [], [set]), Refuses(exitCode, sentence));

    [Test]
    public void A_value_may_hold_what_separates_elsewhere() =>
        Assert.That(Options.Load(null, [], ["exchange.rest_url=http://h/a.b?c=d # e"]).RestUrl, Is.EqualTo("http://h/a.b?c=d # e"));

    [Test]
    public void Every_setting_reads_back_what_it_wrote()
    {
        foreach (var setting in Options.Settings)
        {
            var (options, again) = (new Options(), new Options());
            var changed = setting.Read(options) switch { "0" when setting.Section == "retention" => "1d", "true" => "false", "false" => "true", "auto" => "on", "journal" => "store", "1" => "2", "" => "text", var value when char.IsAsciiDigit(value[0]) => value.Insert(0, "1"), var value => value + "x" };
            Assert.That(setting.Write(options, changed), Is.Null, setting.Name);
            Assert.That(setting.Write(again, setting.Read(options)), Is.Null, setting.Name);
            Assert.That(again.Effective(), Is.EqualTo(options.Effective()).And.Not.EqualTo(new Options().Effective()), setting.Name);
        }
    }

    private const string TwoGatherers = "[dedup]\ngatherer.ams-1 = Host=a;Password=geheim\ngatherer.B = postgresql://u:geheim@b/kalshid\n";

    [Test]
    public void Gatherers_are_named_one_a_line_and_keep_their_order()
    {
        var options = Options.Load(Write(TwoGatherers), [], ["dedup.gatherer.c=Host=c"]);
        Assert.That(options.Gatherers.Select(gatherer => $"{gatherer.Setting} {gatherer.Dsn}"), Is.EqualTo(new[]
        {
            "dedup.gatherer.ams-1 Host=a;Password=geheim", "dedup.gatherer.B postgresql://u:geheim@b/kalshid", "dedup.gatherer.c Host=c",
        }));
        Assert.That(options.Effective(), Has.Member("dedup.gatherer.ams-1=Host=a;Password=***").And.Member("dedup.gatherer.B=postgresql://u:***@b/kalshid"));
    }

    [Test]
    public void A_gatherer_is_set_anew_by_what_is_stronger_and_stays_in_its_place()
    {
        var options = Options.Load(
            Write(TwoGatherers), [("KALSHID_DEDUP__GATHERER__AMS_1", "Host=env"), ("KALSHID_DEDUP__GATHERER__NEW_ONE", "Host=new")], ["dedup.gatherer.B=Host=set"]);
        Assert.That(options.Gatherers.Select(gatherer => $"{gatherer.Name} {gatherer.Dsn}"), Is.EqualTo(new[] { "ams-1 Host=env", "B Host=set", "new_one Host=new" }));
    }

    [TestCase("gatherer.a =", "line 2: dedup.gatherer.a = \"\": expected a DSN: Host=…;Database=…;Username=… or postgresql://user@host:port/database.")]
    [TestCase("gatherer. = Host=a", "line 2: dedup.gatherer. = \"Host=a\": expected a name of letters, digits, \"-\", \"_\" and \".\" behind \"gatherer.\".")]
    [TestCase("gatherer.a,b = Host=a", "line 2: dedup.gatherer.a,b = \"Host=a\": expected a name of letters, digits, \"-\", \"_\" and \".\" behind \"gatherer.\".")]
    [TestCase("gatherer.a = Host=a\ngatherer.a = Host=b", "line 3: dedup.gatherer.a is there already, on line 2; keep one of them.")]
    [TestCase("gather.a = Host=a", "line 2: section [dedup] has no key \"gather.a\" (did you mean \"gatherer.NAME\"?).")]
    [TestCase("gatherer = Host=a", "line 2: section [dedup] has no key \"gatherer\" (did you mean \"gatherer.NAME\"?).")]
    public void A_wrong_gatherer_is_refused(string line, string sentence)
    {
        var file = Write($"[dedup]\n{line}\n");
        Assert.That(() => Options.Load(file, [], []), Refuses(ExitCode.Config, $"{file} {sentence}"));
    }

    [Test]
    public void Only_so_many_gatherers_can_be_named()
    {
        var set = Enumerable.Range(1, 16).Select(i => $"dedup.gatherer.g{i}=Host=h{i}").ToList();
        Assert.That(Options.Load(null, [], set).Gatherers, Has.Count.EqualTo(16));
        Assert.That(
            () => Options.Load(null, [], [.. set, "dedup.gatherer.g17=Host=h"]),
            Refuses(ExitCode.Config, "--set dedup.gatherer.g17: dedup.gatherer.g17 = \"Host=h\": expected at most 16 gatherers."));
    }

    private string Write(string content)
    {
        var file = _folder.File("kalshid.conf");
        File.WriteAllText(file, content);
        return file;
    }

    private static NUnit.Framework.Constraints.IResolveConstraint Refuses(int exitCode, string sentence) =>
        Throws.TypeOf<SetupException>().With.Property("ExitCode").EqualTo(exitCode).And.Message.EqualTo(sentence);
}
