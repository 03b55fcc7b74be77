using System.Reflection;
using Orleans.DOS.Processes;

namespace Orleans.DOS.Jobs;

/// <summary>The job programs of trusted assemblies (the userland), by the name of their <see cref="ProgramAttribute"/>.</summary>
public sealed class JobPrograms(IEnumerable<Assembly> assemblies) : IJobPrograms
{
    private readonly Dictionary<string, Type> _types = assemblies
        .SelectMany(assembly => assembly.GetExportedTypes())
        .Where(type => type.IsAssignableTo(typeof(IJobProgram)) && type.GetCustomAttribute<ProgramAttribute>() is not null)
        .ToDictionary(type => type.GetCustomAttribute<ProgramAttribute>()!.Name, StringComparer.Ordinal);

    public JobPartitioning Check(string program, IReadOnlyDictionary<string, string> parameters) => Configured(program, parameters).Partitioning;

    public int CountTasks(string program, IReadOnlyDictionary<string, string> parameters) => Configured(program, parameters).CountTasks() is > 0 and var tasks
        ? tasks
        : throw new DosException(DosErrorCode.InvalidArgument, $"program '{program}' makes no task of these parameters");

    private IJobProgram Configured(string program, IReadOnlyDictionary<string, string> parameters)
    {
        if (!_types.TryGetValue(program, out var type))
        {
            throw new DosException(DosErrorCode.UnknownProgram, $"no program '{program}' can be run as a job; there are {string.Join(", ", _types.Keys.Order(StringComparer.Ordinal))}");
        }
        var instance = (IJobProgram)Activator.CreateInstance(type)!;
        instance.Configure(parameters);
        return instance;
    }
}
