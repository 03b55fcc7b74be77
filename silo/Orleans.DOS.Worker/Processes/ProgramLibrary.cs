using System.Reflection;
using System.Runtime.Loader;
using Orleans.DOS.Jobs;

namespace Orleans.DOS.Processes;

/// <summary>The programs of this worker by name: public classes with <see cref="ProgramAttribute"/> in the assemblies beside it.</summary>
internal sealed class ProgramLibrary : IJobProgramSource
{
    private const string UserlandAssembly = "Orleans.DOS.Userland.dll";

    private readonly Dictionary<string, Type> _programs = new(StringComparer.Ordinal);
    private readonly Dictionary<string, Type> _jobPrograms = new(StringComparer.Ordinal);

    private ProgramLibrary()
    {
    }

    public IReadOnlyList<string> Programs => [.. _programs.Keys];
    public IReadOnlyList<string> JobPrograms => [.. _jobPrograms.Keys];

    public static ProgramLibrary Load(string directory)
    {
        var library = new ProgramLibrary();
        // What is not found beside a program (the abstractions) comes from the worker itself, so that both mean the same types.
        var context = new AssemblyLoadContext("programs");
        foreach (var type in context.LoadFromAssemblyPath(Path.Combine(directory, UserlandAssembly)).GetExportedTypes())
        {
            if (type.GetCustomAttribute<ProgramAttribute>()?.Name is not { } name)
            {
                continue;
            }
            if (typeof(IProgram).IsAssignableFrom(type))
            {
                library._programs.Add(name, type);
            }
            if (typeof(IJobProgram).IsAssignableFrom(type))
            {
                library._jobPrograms.Add(name, type);
            }
        }
        return library;
    }

    /// <exception cref="DosException">UnknownProgram.</exception>
    public IProgram Create(string name) => (IProgram)Instance(_programs, name, nameof(IProgram));

    public IJobProgram Find(string name) => (IJobProgram)Instance(_jobPrograms, name, nameof(IJobProgram));

    private static object Instance(Dictionary<string, Type> types, string name, string kind) =>
        types.TryGetValue(name, out var type)
            ? Activator.CreateInstance(type)!
            : throw new DosException(DosErrorCode.UnknownProgram, $"no program '{name}' is an {kind}");
}
