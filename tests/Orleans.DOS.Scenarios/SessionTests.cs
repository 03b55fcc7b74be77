using Orleans.DOS.Scenarios.Harness;

namespace Orleans.DOS.Scenarios;

/// <summary>Each file of Sessions is a session with <c>dos</c> on a cluster of three nodes, and documentation of it.</summary>
[Collection(ScenarioCluster.Name)]
public sealed class SessionTests(ScenarioCluster cluster)
{
    private static readonly string Folder = Path.Combine(AppContext.BaseDirectory, "Sessions");

    public static TheoryData<string> Names() => new(Directory.EnumerateFiles(Folder, "*.txt").Select(path => Path.GetFileNameWithoutExtension(path)).Order(StringComparer.Ordinal));

    [Theory, MemberData(nameof(Names))]
    public async Task Session_AnswersAsWritten(string name)
    {
        var (shell, pattern) = (cluster.Shell(name), new Pattern());
        foreach (var step in Session.Read(Path.Combine(Folder, name + ".txt")))
        {
            var answer = await shell.RunAsync(pattern.Fill(step.Command), TestContext.Current.CancellationToken);
            if (!pattern.Matches(step.Expected, answer.Lines) || answer.ExitCode != step.ExitCode)
            {
                Assert.Fail($"{name}.txt:{step.Line}: $ {step.Command}{SideBySide.Show(pattern, step, answer)}");
            }
        }
    }
}
