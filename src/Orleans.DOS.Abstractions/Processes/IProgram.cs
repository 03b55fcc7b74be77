using Orleans.DOS.Machines;

namespace Orleans.DOS.Processes;

/// <summary>A program: a public class with a public constructor without parameters. It runs in a worker process, never inside a node.</summary>
public interface IProgram
{
    /// <returns>The exit code, 0 to 255. An exception that escapes is printed to standard error and becomes code 1.</returns>
    Task<int> RunAsync(IProgramContext context);
}

/// <summary>The name under which a program is started, e.g. <c>[Program("wordcount")]</c>.</summary>
[AttributeUsage(AttributeTargets.Class)]
public sealed class ProgramAttribute(string name) : Attribute
{
    public string Name { get; } = name;
    /// <summary>One line for <c>dos program ls</c>.</summary>
    public string Summary { get; init; } = "";
}

/// <summary>What a running program sees.</summary>
public interface IProgramContext
{
    ProcessId Pid { get; }
    long Incarnation { get; }
    IReadOnlyList<string> Arguments { get; }
    IReadOnlyDictionary<string, string> Environment { get; }
    string WorkingDirectory { get; }
    Stream StandardInput { get; }
    Stream StandardOutput { get; }
    Stream StandardError { get; }
    /// <summary>The computer, scoped to the principal of the process.</summary>
    IMachine Machine { get; }
    /// <summary>Cancelled at TERM and INT.</summary>
    CancellationToken Terminating { get; }
}
