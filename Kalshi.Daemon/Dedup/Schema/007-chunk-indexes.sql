\ir ../../Store/Schema/Shared/index-partition.sql
